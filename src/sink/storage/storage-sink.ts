// A sink that writes files. Each topic has one open file, which topics of the same name and schema share. A file is finished when it is
// large enough, when messages of its topic come that were written with another schema, and at every flush. Finished files are
// named and written one after the other.
//
// Order: messages of a topic are in its files in the order in which they were emitted, and the names of files sort in the order in
// which they were finished (file-names.ts says what readers of a folder may rely on).
// Durability: `flush` settles when every file is durable under its name. Files of an earlier run stay; what is emitted again
// after a restart is in files of its own.
// Memory: open files and those that wait to be written hold a fixed budget at most. Above it, the largest open file is written in
// parts while it grows; that of another topic is then finished first, so that names still become visible in their order.
// Trouble: what fails too often ends the sink, every later call throws, and the feed starts again from its checkpoint.

import { setImmediate as turn } from 'node:timers/promises'
import { onAbort } from '../../async/or-abort.ts'
import { compareHlc, nextHlc, type Hlc } from '../../core/hlc.ts'
import { feedMeter, type FeedMeter } from '../../core/feed-meter.ts'
import type { MessageBatch } from '../../core/message-batch.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { RetryBounds, SaysTrouble } from '../batching/retry.ts'
import type { Resolved, Sink, SinkStall } from '../sink.ts'
import type { FileNames } from './file-names.ts'
import type { FileFormat } from './files/file-body.ts'
import { OpenFile } from './open-file.ts'
import { Slots, type Slot } from './slots.ts'
import type { StorageClient, StorageObject } from './storage-client.ts'
import { UploadQueue } from './upload-queue.ts'

/** More pieces are not compressed at the same time. */
const maxWorking = 4
/** Parts of a file that is written while it grows have at least this size. */
const partBytes = 8 * 1024 * 1024
/** Requests get a turn after so long. */
const turnMs = 5
/** How large the files become, whatever file_size says, while the far end is too slow for more of them. */
const grownBytes = 16 * 1024 * 1024
/** What a request for fewer bytes takes is mostly its round trip, so that a larger file hardly takes longer. */
const smallBytes = 1024 * 1024

export interface StorageSinkOptions {
  readonly client: StorageClient
  readonly format: FileFormat
  readonly names: FileNames
  /** The names in files of the topics of the feed (`FeedSpec.targets`). Topics may share a name. */
  readonly topics: readonly string[]
  /** No row of the feed is earlier. */
  readonly firstTime: Hlc
  readonly fileSize: number
  readonly budgetBytes: number
  /** A call of the client that takes longer has failed; 0: there is no limit. */
  readonly timeoutMs: number
  readonly retry: RetryBounds
  readonly warn: SaysTrouble
  /** Ends the sink when it aborts, with the signal's reason. */
  readonly signal: AbortSignal
  readonly meter?: FeedMeter | undefined
}

export class StorageSink implements Sink {
  readonly #options: StorageSinkOptions
  readonly #queue: UploadQueue
  readonly #meter: FeedMeter
  readonly #listening: Disposable
  readonly #slots: Slots
  /** The slot with a file that is written in parts; there is one at most. */
  #streaming: Slot | undefined
  #turnedAtMs = 0
  /** The time in the names of files: all rows that come are of this time or later. */
  #time: Hlc

  constructor(options: StorageSinkOptions) {
    const { client, timeoutMs, retry, warn, signal, topics, firstTime, meter = feedMeter() } = options
    this.#meter = meter
    this.#options = options
    this.#time = firstTime
    const freed = (): void => meter.set('bufferedBytes', this.#held)
    this.#queue = new UploadQueue({ client, timeoutMs, retry, warn, meter, freed })
    this.#listening = onAbort(signal, () => this.#queue.fail(signal.reason))
    this.#slots = new Slots(topics)
  }

  get failed(): AbortSignal {
    return this.#queue.progress.signal
  }

  stalled(nowMs: number): SinkStall | undefined {
    return this.#queue.stalled(nowMs)
  }

  async emit(batch: MessageBatch): Promise<void> {
    this.#queue.progress.check()
    const { format, fileSize } = this.#options
    const { count, topics, schemas, keyStarts, valueStarts, valueEnds, nilValues } = batch
    const { buffer } = batch.bytes
    for (let i = 0; i < count; i++) {
      const topic = topics[i] as number
      const schema = schemas[i] as number
      let slot = this.#slots.of(topic)
      if (slot?.schema !== schema) {
        if (slot !== undefined) this.#finish(slot)
        slot = this.#slots.move(topic, schema)
      }
      const file = (slot.file ??= new OpenFile(format, schema, batch.committedMs))
      const valueEnd = nilValues[i] === 1 ? -1 : (valueEnds[i] as number)
      file.add(buffer, keyStarts[i] as number, valueStarts[i] as number, valueEnd)
      if (file.size > fileSize) await this.#finishFull(slot, file)
      else if (file.working >= maxWorking) await file.compressed()
    }
    await this.#freeMemory()
    await this.#letRequestsGoOn()
    this.#meter.set('bufferedBytes', this.#held)
  }

  async emitResolved({ at, payload }: Resolved): Promise<void> {
    this.#queue.progress.check()
    // A flush up to this time has finished the files before.
    if (compareHlc(at, this.#time) >= 0) this.#finishAll(at)
    const bytes = Uint8Array.from(payload(0))
    const object = { name: this.#options.names.resolved(at), contentType: 'application/json' }
    this.#queue.marker(object, bytes)
  }

  async flush(frontier: Hlc | undefined): Promise<void> {
    this.#queue.progress.check()
    this.#finishAll(frontier)
    await this.#queue.drained()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening[Symbol.dispose]()
    this.#queue.fail(new FeedError('FEED_STATE', 'the sink is closed'))
    await this.#queue.close()
  }

  /** Finishes all files; `frontier`: everything at or below it is in them, and nothing will come. */
  #finishAll(frontier: Hlc | undefined): void {
    this.#finishStreamed()
    for (const slot of this.#slots.byName()) this.#finish(slot)
    if (frontier !== undefined && compareHlc(frontier, this.#time) >= 0) this.#time = nextHlc(frontier)
  }

  #finishStreamed(): void {
    if (this.#streaming !== undefined) this.#finish(this.#streaming)
  }

  /**
   * Finishes a file that has its size. If files come faster than the far end takes them, it grows instead: each file is a
   * request, however few bytes it has, so larger files are what lets a slow far end catch up. Small ones grow as soon as those that
   * wait would hold up a checkpoint; for others file_size holds longer, since their bytes take time, too.
   */
  async #finishFull(slot: Slot, file: OpenFile): Promise<void> {
    const queue = this.#queue
    if (queue.isFull && !queue.isBehind) await queue.room()
    const isTooSlow = queue.isFull || (this.#options.fileSize < smallBytes && queue.isSlow)
    if (isTooSlow && file.size <= grownBytes) return
    this.#meter.count('sizeBasedFlushes')
    this.#finish(slot)
  }

  /** Gives the open file of a topic to the queue. A file that is being written in parts has its name already, so it comes first. */
  #finish(slot: Slot): void {
    const { file, streamed } = slot
    if (file === undefined) return
    if (streamed === undefined) this.#finishStreamed()
    else this.#streaming = undefined
    slot.file = undefined
    slot.streamed = undefined
    file.end()
    const { held, messages, payloadBytes: bytes, committedMs, emittedAtMs } = file
    const content = { held, sent: { messages, bytes, committedMs, emittedAtMs }, pieces: () => file.rest() }
    if (streamed === undefined) this.#queue.file(this.#object(slot, file), content)
    else this.#queue.rest(streamed, content)
  }

  /** A caller with many batches at hand never waits for anything else, so that no byte of a file would be sent meanwhile. */
  async #letRequestsGoOn(): Promise<void> {
    if (this.#queue.isEmpty || performance.now() - this.#turnedAtMs < turnMs) return
    await turn()
    this.#turnedAtMs = performance.now()
  }

  /** Waits until the sink holds no more than its budget. */
  async #freeMemory(): Promise<void> {
    const { budgetBytes } = this.#options
    if (this.#streaming?.file !== undefined && this.#streaming.file.done >= this.#partBytes) this.#part(this.#streaming)
    if (this.#held <= budgetBytes) return
    const startMs = performance.now()
    while (this.#held > budgetBytes) {
      // Half of the budget may wait to be written. Only then what is open is written before it is complete.
      while (this.#queue.held < budgetBytes / 2 && this.#held > budgetBytes) this.#writeLargest()
      await this.#queue.progress.next()
    }
    this.#meter.observe('backpressure', (performance.now() - startMs) * 1e6)
  }

  get #held(): number {
    let bytes = this.#queue.held
    for (const { file } of this.#slots.all()) bytes += file?.held ?? 0
    return bytes
  }

  get #partBytes(): number {
    return Math.max(partBytes, this.#options.client.minPartBytes)
  }

  /** Writes what the largest open file has so far. If that is too little for a part, the file is finished. */
  #writeLargest(): void {
    let largest: Slot | undefined
    for (const slot of this.#slots.all()) if ((slot.file?.held ?? 0) > (largest?.file?.held ?? 0)) largest = slot
    if (largest?.file === undefined) return
    if (largest.file.done < this.#partBytes) return this.#finish(largest)
    if (largest.streamed === undefined) {
      this.#finishStreamed()
      largest.streamed = { object: this.#object(largest, largest.file), upload: undefined, storedBytes: 0 }
      this.#streaming = largest
    }
    this.#part(largest)
  }

  #part({ file, streamed }: Slot): void {
    if (file === undefined || streamed === undefined) return
    const pieces = file.takeDone()
    const held = pieces.reduce((sum, { length }) => sum + length, 0)
    this.#queue.part(streamed, { held, sent: undefined, pieces: async () => pieces })
  }

  #object({ name }: Slot, { schema }: OpenFile): StorageObject {
    const { names, format } = this.#options
    return {
      name: names.next(this.#time, name, schema),
      contentType: format.contentType,
      contentEncoding: format.compression,
    }
  }
}
