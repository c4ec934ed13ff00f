// Writes files one after the other, in the order of their names, so that no file becomes visible before one that sorts before it.
// What fails is sent again (attempts.ts); what fails too often, or cannot succeed, ends the queue.
//
//   file        put as a whole, when it is complete. A client that can make drafts makes those of the next files meanwhile
//   marker      a file that speaks of those before it, so it becomes visible after they are durable under their names
//   part        the beginning of a file that is not complete yet, so that its memory becomes free
//   rest        the last part of such a file, with which it becomes visible

import { orLate } from '../../async/or-late.ts'
import { countDelivered, type FeedMeter, type SentMessages } from '../../core/feed-meter.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { freeTaken } from '../../bytes/free-buffer.ts'
import { Progress } from '../batching/progress.ts'
import { StallWatch } from '../batching/stall.ts'
import type { SinkStall } from '../sink.ts'
import { Attempts, type AttemptsOptions } from './attempts.ts'
import type { StorageClient, StorageDraft, StorageObject, StorageUpload } from './storage-client.ts'

/** So many files may wait to be written. */
const maxWaiting = 64
/** So many may always wait, however long each takes. */
const fewWaiting = 8
/** Small files that would need longer than this wait too long: a checkpoint waits for all of them. */
const longMs = 250
/** How much of the time that a file takes is that of the last one. */
const lastPart = 1 / 4
/** The far end is too slow for the files if so many wait for this time. */
const behindMs = 1000
/** How long the removal of unfinished files may take when the sink is closed. */
const abortMs = 1000
/** So many drafts are on their way. Each may hold a thread of Node's pool, which has four. */
const draftsAtOnce = 2

export interface UploadQueueOptions extends Omit<AttemptsOptions, 'progress' | 'stall'> {
  /** Called when memory has become free. */
  readonly freed?: () => void
}

/** What is written. */
export interface Content {
  /** The memory of the pieces. */
  readonly held: number
  /** The messages of the whole file; undefined: it has none, or is not complete with these bytes. */
  readonly sent: SentMessages | undefined
  /** Returns the bytes to write; called when their turn has come, and only once. */
  readonly pieces: () => Promise<readonly Uint8Array[]>
}

/** A file that is written in parts. */
export interface StreamedFile {
  readonly object: StorageObject
  upload: StorageUpload | undefined
  /** The bytes that are written. */
  storedBytes: number
}

interface Task {
  /** The memory that becomes free when the task is done. */
  readonly held: number
  /** Begins what can be done before the turn of the task has come. */
  start?(): void
  run(): Promise<void>
  /** Called in place of `run` when nobody will run the task. */
  discard?(): Promise<void>
}

/** The bytes of a file, and its draft if it could be made. */
interface Drafted {
  readonly bytes: readonly Uint8Array[]
  readonly draft: StorageDraft | undefined
}

export class UploadQueue {
  readonly progress = new Progress()
  readonly #client: StorageClient
  readonly #freed: () => void
  readonly #attempts: Attempts
  readonly #stall: StallWatch
  readonly #meter: FeedMeter
  readonly #tasks: Task[] = []
  #held = 0
  /** How long the far end takes for a file, of late, with all its attempts; undefined: none has been written yet. */
  #fileMs: number | undefined
  /** When the turn of the first task came. */
  #turnAtMs = 0
  /** Since when more than half as many files wait as may, after as many did. */
  #fullSinceMs: number | undefined
  #isRunning = false
  /** Drafts were published, and that is not known to be durable. */
  #isUnsettled = false
  #unfinished: StreamedFile | undefined

  constructor(options: UploadQueueOptions) {
    this.#client = options.client
    this.#freed = options.freed ?? ((): void => undefined)
    this.#meter = options.meter
    this.#stall = new StallWatch(options.client.name)
    this.#attempts = new Attempts({ ...options, progress: this.progress, stall: this.#stall })
  }

  /** The memory of everything that is not written yet, in bytes. */
  get held(): number {
    return this.#held
  }

  get isEmpty(): boolean {
    return this.#tasks.length === 0 && !this.#isUnsettled
  }

  /** Whether so many files wait that no other one should be added, unless it must be. They are few until it is known how long one takes. */
  get isFull(): boolean {
    return this.#tasks.length >= (this.#fileMs === undefined ? fewWaiting : maxWaiting)
  }

  /** Whether what waits takes so long that few large files are better than many small ones. */
  get isSlow(): boolean {
    const waiting = this.#tasks.length
    if (waiting < fewWaiting) return false
    return waiting * Math.max(this.#fileMs ?? 0, performance.now() - this.#turnAtMs) > longMs
  }

  /** Whether files have come faster for some time than the far end takes them. */
  get isBehind(): boolean {
    return this.#fullSinceMs !== undefined && performance.now() - this.#fullSinceMs >= behindMs
  }

  /** Settles when a file may be added, or when it is known that the far end is too slow. */
  async room(): Promise<void> {
    while (this.isFull && !this.isBehind) await this.progress.next()
  }

  stalled(nowMs: number): SinkStall | undefined {
    return this.#stall.stalled(!this.isEmpty, nowMs)
  }

  file(object: StorageObject, { held, sent, pieces }: Content): void {
    let drafted: Promise<Drafted> | undefined
    const begun = (): Promise<Drafted> => {
      if (drafted !== undefined) return drafted
      drafted = this.#draft(object, pieces)
      drafted.catch(() => undefined)
      return drafted
    }
    this.#add({
      held,
      ...(this.#client.draft === undefined ? {} : { start: begun }),
      run: async () => {
        const { bytes, draft } = await begun()
        const size = sizeOf(bytes)
        if (await this.#isPublished(draft)) this.#isUnsettled = true
        else {
          if (this.#client.draft !== undefined) this.#meter.count('sinkRetries')
          await this.#attempts.make((signal) => this.#client.put(object, bytes, signal), size)
        }
        if (sent !== undefined) countDelivered(this.#meter, sent, size)
        if (this.#client.isDoneWithBytes === true && !this.#attempts.mayBeRead) freeAll(bytes)
      },
      discard: async () => (await drafted)?.draft?.discard(),
    })
  }

  marker(object: StorageObject, bytes: Uint8Array): void {
    this.#add({
      held: bytes.length,
      run: async () => {
        await this.#settle()
        await this.#attempts.make((signal) => this.#client.put(object, [bytes], signal), bytes.length)
        // Everything else of a resolved message is counted by the feed.
        this.#meter.count('flushedBytes', bytes.length)
      },
    })
  }

  part(file: StreamedFile, content: Content): void {
    this.#add({ held: content.held, run: () => this.#write(file, content) })
  }

  rest(file: StreamedFile, content: Content): void {
    this.#add({
      held: content.held,
      run: async () => {
        await this.#write(file, content)
        await this.#attempts.make((signal) => (file.upload as StorageUpload).complete(signal))
        this.#unfinished = undefined
        if (content.sent !== undefined) countDelivered(this.#meter, content.sent, file.storedBytes)
      },
    })
  }

  /** Ends the queue, unless it has ended. */
  fail(error: unknown): void {
    this.progress.end(error instanceof FeedError ? error : this.#client.trouble(error).error)
  }

  /** Settles when everything that was added is written. Throws the error that ended the queue. */
  async drained(): Promise<void> {
    this.progress.check()
    while (!this.isEmpty) await this.progress.next()
  }

  async close(): Promise<void> {
    const upload = this.#unfinished?.upload
    const removed = [upload?.abort(), ...this.#tasks.map(({ discard }) => discard?.())]
    await orLate(Promise.allSettled(removed), abortMs)
    await orLate(Promise.resolve(this.#client[Symbol.asyncDispose]()), abortMs)
  }

  #add(task: Task): void {
    this.#tasks.push(task)
    this.#held += task.held
    if (this.#tasks.length <= draftsAtOnce) task.start?.()
    if (this.isFull) this.#fullSinceMs ??= performance.now()
    if (!this.#isRunning) this.#run().catch((error: unknown) => this.fail(error))
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (;;) {
      const [task] = this.#tasks
      if (task === undefined) {
        await this.#settle()
        if (this.isEmpty) break
        continue
      }
      this.#turnAtMs = performance.now()
      await task.run()
      const tookMs = performance.now() - this.#turnAtMs
      this.#turnAtMs += tookMs
      this.#fileMs = this.#fileMs === undefined ? tookMs : this.#fileMs + (tookMs - this.#fileMs) * lastPart
      this.#tasks.shift()
      this.#tasks[draftsAtOnce - 1]?.start?.()
      this.#held -= task.held
      if (this.#tasks.length < maxWaiting / 2) this.#fullSinceMs = undefined
      this.#stall.confirmed()
      this.#freed()
      this.progress.wake()
    }
    this.#isRunning = false
    this.progress.wake()
  }

  async #draft(object: StorageObject, pieces: Content['pieces']): Promise<Drafted> {
    const bytes = await pieces()
    const draft =
      this.#client.draft === undefined
        ? undefined
        : await this.#attempts.makeAhead(async (signal) => this.#client.draft?.(object, bytes, signal), sizeOf(bytes))
    return { bytes, draft }
  }

  /** Returns false if there is no draft, or if it could not be published: the file is put then. */
  async #isPublished(draft: StorageDraft | undefined): Promise<boolean> {
    if (draft === undefined) return false
    const publish = async (signal: AbortSignal): Promise<true> => {
      await draft.publish(signal)
      return true
    }
    return (await this.#attempts.makeAhead(publish)) ?? false
  }

  async #settle(): Promise<void> {
    if (!this.#isUnsettled) return
    await this.#attempts.make(async (signal) => this.#client.settle?.(signal))
    this.#isUnsettled = false
  }

  async #write(file: StreamedFile, { pieces }: Content): Promise<void> {
    const bytes = await pieces()
    file.upload ??= await this.#attempts.make((signal) => this.#client.begin(file.object, signal))
    this.#unfinished = file
    const part = Buffer.concat(bytes)
    const { upload } = file
    if (part.length === 0) return
    await this.#attempts.make((signal) => upload.write(part, signal), part.length)
    file.storedBytes += part.length
  }
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}

/**
 * Without it the memory of a file waits for a garbage collection, which comes the more often the more memory waits for it.
 * Small pieces may be in the pool that Node makes small buffers from.
 */
function freeAll(pieces: readonly Uint8Array[]): void {
  for (const piece of pieces) if (piece.buffer.byteLength > 2 * Buffer.poolSize) freeTaken(piece)
}
