// The main thread's handle on one source's ingest. A worker that dies is started again: the log is the truth, so a new
// one continues where the durable end is.

import { Worker } from 'node:worker_threads'
import { workerUrl } from '../core/worker-url.ts'
import { fromWireError, toWireError } from '../errors/feed-error.ts'
import type { FromIngest, IngestSettings, IngestStart, IngestState, ToIngest } from './ingest.ts'

const restartAfterMs = 500

export class IngestThread {
  #start: IngestStart
  readonly #changed: (message: FromIngest) => void
  #worker: Worker | undefined
  #feeds = 0
  #isStopping = false
  readonly #stopped = Promise.withResolvers<void>()
  #ready = Promise.withResolvers<void>()
  state: IngestState = { tag: 'connecting' }

  /** `changed` hears of states and gaps. */
  constructor(start: IngestStart, changed: (message: FromIngest) => void) {
    this.#start = start
    this.#changed = changed
    this.#ready.promise.catch(() => undefined)
    this.#spawn()
  }

  /** Settles when the slot exists and the log holds its starting point; rejects when that cannot be. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  set settings(settings: IngestSettings) {
    this.#start = { ...this.#start, settings }
    this.#post({ tag: 'settings', settings })
  }

  closeNow(): void {
    this.#post({ tag: 'close-now' })
  }

  /** One feed more or less reads this log. */
  demand(change: 1 | -1): void {
    this.#feeds += change
    this.#post({ tag: 'demand', feeds: this.#feeds })
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#post({ tag: 'stop' })
    const giveUp = setTimeout(() => void this.#worker?.terminate(), 5000)
    await this.#stopped.promise
    clearTimeout(giveUp)
  }

  #spawn(): void {
    const worker = new Worker(workerUrl('ingest/ingest-worker'), { workerData: this.#start })
    this.#worker = worker
    worker.on('message', (message: FromIngest) => this.#hear(message))
    worker.on('error', (error) => {
      const wire = toWireError(error)
      this.#hear({ tag: 'state', state: { tag: 'retrying', error: wire, inMs: restartAfterMs } })
    })
    worker.on('exit', () => {
      this.#worker = undefined
      if (this.#isStopping || this.state.tag === 'failed') this.#stopped.resolve()
      else setTimeout(() => (this.#isStopping ? this.#stopped.resolve() : this.#spawn()), restartAfterMs)
    })
    if (this.#feeds > 0) this.#post({ tag: 'demand', feeds: this.#feeds })
  }

  #hear(message: FromIngest): void {
    if (message.tag === 'ready') this.#ready.resolve()
    if (message.tag === 'state') {
      this.state = message.state
      if (message.state.tag === 'failed') this.#ready.reject(fromWireError(message.state.error))
    }
    this.#changed(message)
  }

  #post(message: ToIngest): void {
    this.#worker?.postMessage(message)
  }
}
