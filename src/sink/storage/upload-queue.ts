// Writes files one after the other, in the order of their names, so that no file becomes visible before one that sorts before it.
// What fails is sent again after a wait, as the trouble with the client says; what fails too often, or cannot succeed, ends the queue.
//
//   file        put as a whole, when it is complete
//   part        the beginning of a file that is not complete yet, so that its memory becomes free
//   rest        the last part of such a file, with which it becomes visible

import { setTimeout as delay } from 'node:timers/promises'
import { orAbort } from '../../async/or-abort.ts'
import { orLate } from '../../async/or-late.ts'
import { countDelivered, type FeedMeter, type SentMessages } from '../../core/feed-meter.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { Progress } from '../batching/progress.ts'
import { Retry, type RetryBounds, type SaysTrouble } from '../batching/retry.ts'
import { StallWatch } from '../batching/stall.ts'
import type { SinkStall } from '../sink.ts'
import type { StorageClient, StorageObject, StorageUpload } from './storage-client.ts'

/** How long the removal of an unfinished file may take when the sink is closed. */
const abortMs = 1000

export interface UploadQueueOptions {
  readonly client: StorageClient
  readonly retry: RetryBounds
  readonly warn: SaysTrouble
  readonly meter: FeedMeter
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
  run(): Promise<void>
}

export class UploadQueue {
  readonly progress = new Progress()
  readonly #client: StorageClient
  readonly #bounds: RetryBounds
  readonly #retry: Retry
  readonly #stall: StallWatch
  readonly #meter: FeedMeter
  readonly #tasks: Task[] = []
  #held = 0
  #isRunning = false
  #hasExpired = false
  #unfinished: StreamedFile | undefined

  constructor({ client, retry: bounds, warn, meter }: UploadQueueOptions) {
    this.#meter = meter
    this.#client = client
    this.#bounds = bounds
    this.#stall = new StallWatch(client.name)
    this.#retry = new Retry({ bounds, beforeRetry: () => this.#renew(), progress: this.progress, warn })
  }

  /** The memory of everything that is not written yet, in bytes. */
  get held(): number {
    return this.#held
  }

  get isEmpty(): boolean {
    return this.#tasks.length === 0
  }

  stalled(nowMs: number): SinkStall | undefined {
    return this.#stall.stalled(!this.isEmpty, nowMs)
  }

  file(object: StorageObject, { held, sent, pieces }: Content): void {
    this.#add(held, async () => {
      const bytes = await pieces()
      await this.#attempt((signal) => this.#client.put(object, bytes, signal))
      const stored = bytes.reduce((sum, { length }) => sum + length, 0)
      this.#meter.count('bytesOut', stored)
      if (sent !== undefined) countDelivered(this.#meter, sent, stored)
    })
  }

  part(file: StreamedFile, content: Content): void {
    this.#add(content.held, () => this.#write(file, content))
  }

  rest(file: StreamedFile, content: Content): void {
    this.#add(content.held, async () => {
      await this.#write(file, content)
      await this.#attempt((signal) => (file.upload as StorageUpload).complete(signal))
      this.#unfinished = undefined
      if (content.sent !== undefined) countDelivered(this.#meter, content.sent, file.storedBytes)
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
    if (upload !== undefined) await orLate(upload.abort(), abortMs)
    await orLate(Promise.resolve(this.#client[Symbol.asyncDispose]()), abortMs)
  }

  #add(held: number, run: () => Promise<void>): void {
    this.#tasks.push({ held, run })
    this.#held += held
    if (!this.#isRunning) this.#run().catch((error: unknown) => this.fail(error))
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (let task = this.#tasks[0]; task !== undefined; task = this.#tasks[0]) {
      await task.run()
      this.#tasks.shift()
      this.#held -= task.held
      this.#stall.confirmed()
      this.progress.wake()
    }
    this.#isRunning = false
  }

  async #write(file: StreamedFile, { pieces }: Content): Promise<void> {
    const bytes = await pieces()
    file.upload ??= await this.#attempt((signal) => this.#client.begin(file.object, signal))
    this.#unfinished = file
    const part = Buffer.concat(bytes)
    const { upload } = file
    if (part.length === 0) return
    await this.#attempt((signal) => upload.write(part, signal))
    file.storedBytes += part.length
    this.#meter.count('bytesOut', part.length)
  }

  async #attempt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = this.progress
    for (let failures = 1; ; failures++) {
      this.progress.check()
      const startMs = performance.now()
      this.#meter.count('sinkRequests')
      try {
        const result = await orAbort(work(signal), signal)
        this.#meter.observe('send', (performance.now() - startMs) * 1e6)
        return result
      } catch (thrown) {
        this.progress.check()
        this.#meter.count('sinkErrors')
        const { tag, error, pauseMs = 0 } = this.#client.trouble(thrown)
        if (tag === 'refused' || failures > this.#bounds.max) throw error
        this.#hasExpired ||= tag === 'expired'
        this.#stall.failed(error.message)
        if (pauseMs > 0) await delay(pauseMs, undefined, { signal })
        await this.#retry.wait(failures, error)
        this.#meter.count('sinkRetries')
      }
    }
  }

  async #renew(): Promise<void> {
    if (!this.#hasExpired) return
    this.#hasExpired = false
    await this.#client.renew?.(this.progress.signal)
  }
}
