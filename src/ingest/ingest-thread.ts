// The main thread's handle on one source's ingest. A worker that dies is started again: the log is the truth, so a new
// one continues where the durable end is. One that has stopped because only a human can help is started again when
// somebody asks for the source.

import { Worker } from 'node:worker_threads'
import { Backoff, type BackoffOptions } from '../async/backoff.ts'
import { LogHead } from '../changelog/files/log-head.ts'
import { workerUrl } from '../core/worker-url.ts'
import { FeedError, fromWireError, toWireError, type WireError } from '../errors/feed-error.ts'
import type { FromIngest, IngestSettings, IngestStart, IngestState, ToIngest } from './ingest.ts'
import { Trouble } from './trouble.ts'

const restartBackoff: BackoffOptions = { firstMs: 100, mostMs: 5000 }
/** A worker that ran for so long starts the pauses over. */
const settledMs = 30_000
const stopMs = 5000

export class IngestThread {
  #start: IngestStart
  readonly #changed: (message: FromIngest) => void
  readonly #stopped = Promise.withResolvers<void>()
  readonly #explain: (error: WireError) => WireError
  #ready = newReady()
  #isReady = false
  #worker: Worker | undefined
  #restarting: NodeJS.Timeout | undefined
  readonly #backoff = new Backoff(restartBackoff)
  /** The pause before the next restart. */
  #restartMs = this.#backoff.next()
  #feeds = 0
  #pins: readonly number[] | undefined
  #isStopping = false
  state: IngestState = { tag: 'connecting' }
  /** What the making of the slot waits for, while it does. */
  waiting: string | undefined
  /** What keeps the log from growing. */
  readonly trouble: Trouble

  /** `changed` hears of states and gaps; `explain` says why the source is away, where more is known. */
  constructor(
    start: IngestStart,
    changed: (message: FromIngest) => void,
    explain: (error: WireError) => WireError = (error) => error,
  ) {
    this.#start = start
    this.#explain = explain
    this.#changed = changed
    const head = new LogHead(start.head)
    this.trouble = new Trouble(() => head.endLsn)
    this.#spawn()
  }

  /** Settles when the slot exists and the log holds its starting point; rejects when that cannot be. */
  get ready(): Promise<void> {
    if (this.state.tag === 'failed' && this.#worker === undefined && !this.#isStopping) {
      this.#ready = newReady()
      this.#spawn()
    }
    // What runs waits until the disk takes bytes again; what would begin is told.
    if (this.state.tag === 'retrying' && this.state.error.code === 'FEED_LOG_IO')
      return Promise.reject(fromWireError(this.state.error))
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

  /** The positions of the log that readers still need. */
  pin(positions: readonly number[]): void {
    this.#pins = positions
    this.#post({ tag: 'pins', positions })
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#ready.reject(new FeedError('FEED_STATE', 'ingest is stopping'))
    clearTimeout(this.#restarting)
    this.trouble.close()
    if (this.#worker === undefined) this.#stopped.resolve()
    this.#post({ tag: 'stop' })
    const giveUp = setTimeout(() => void this.#worker?.terminate(), stopMs)
    await this.#stopped.promise
    clearTimeout(giveUp)
  }

  #spawn(): void {
    const startedAt = Date.now()
    this.state = { tag: 'connecting' }
    const worker = new Worker(workerUrl('ingest/ingest-worker'), { name: 'ingest', workerData: this.#start })
    this.#worker = worker
    worker.on('message', (message: FromIngest) => this.#hear(message))
    worker.on('error', (error) => {
      this.#hear({ tag: 'state', state: { tag: 'retrying', error: toWireError(error), inMs: this.#restartMs } })
    })
    worker.on('exit', () => {
      this.#worker = undefined
      if (this.#isStopping) this.#stopped.resolve()
      if (this.#isStopping || this.state.tag === 'failed') return
      if (Date.now() - startedAt > settledMs) {
        this.#backoff.reset()
        this.#restartMs = this.#backoff.next()
      }
      this.#restarting = setTimeout(() => this.#spawn(), this.#restartMs)
      this.#restartMs = this.#backoff.next()
    })
    if (this.#feeds > 0) this.#post({ tag: 'demand', feeds: this.#feeds })
    if (this.#pins !== undefined) this.#post({ tag: 'pins', positions: this.#pins })
    // Whoever waits for a closed timestamp asked the worker before.
    this.#post({ tag: 'close-now' })
  }

  #hear(said: FromIngest): void {
    const message = this.#explained(said)
    this.waiting = message.tag === 'waiting' ? message.why : undefined
    if (message.tag === 'ready') {
      this.#isReady = true
      this.#ready.resolve()
    }
    if (message.tag === 'state') {
      this.state = message.state
      if (!this.#isStopping) this.trouble.hear(message.state)
      if (message.state.tag === 'failed') this.#refuse(message.state.error)
      // A source that is away comes back; one that refuses does so for a reason that whoever waits wants to hear.
      if (message.state.tag === 'retrying' && message.state.error.code !== 'FEED_SOURCE_DOWN' && !this.#isReady) {
        this.#refuse(message.state.error)
        this.#ready = newReady()
      }
    }
    this.#changed(message)
  }

  #explained(message: FromIngest): FromIngest {
    if (message.tag !== 'state' || message.state.tag !== 'retrying') return message
    return { ...message, state: { ...message.state, error: this.#explain(message.state.error) } }
  }

  /** Who waits, and who asks from now on, hears how it stands now, whatever it was before. */
  #refuse(error: WireError): void {
    this.#isReady = false
    this.#ready.reject(fromWireError(error))
    this.#ready = newReady()
    this.#ready.reject(fromWireError(error))
  }

  #post(message: ToIngest): void {
    this.#worker?.postMessage(message)
  }
}

function newReady(): PromiseWithResolvers<void> {
  const ready = Promise.withResolvers<void>()
  ready.promise.catch(() => undefined)
  return ready
}
