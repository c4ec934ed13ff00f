// The main thread's handle on one source's ingest. A thread that dies is started again: the log is the truth, so a new one
// continues where the durable end is. A thread that has ended because only a human can help is started again when somebody
// asks for the source. The phases are in ingest-phase.ts.

import { Worker } from 'node:worker_threads'
import { Backoff, type BackoffOptions } from '../async/backoff.ts'
import type { LogStatus, Position } from '../changelog/changelog.ts'
import { openChangelog } from '../changelog/open-changelog.ts'
import { workerUrl } from '../core/worker-url.ts'
import { FeedError, fromWireError, toWireError, type WireError } from '../errors/feed-error.ts'
import { explainMissing, programReplaced } from '../errors/replaced-program.ts'
import { followIngest, newAsked, workerOf, type IngestPhase } from './ingest-phase.ts'
import type { FromIngest, IngestSettings, IngestStart, IngestState, ToIngest } from './ingest.ts'
import { SlotGauge } from './slot-gauge.ts'
import { Trouble } from './trouble.ts'

const restartBackoff: BackoffOptions = { firstMs: 100, mostMs: 5000 }
/** After a thread that ran for so long, the pauses begin again with the shortest. */
const settledMs = 30_000
const stopMs = 5000

export class IngestThread {
  #start: IngestStart
  readonly #changed: (message: FromIngest) => void
  readonly #explain: (error: WireError) => WireError
  readonly #backoff = new Backoff(restartBackoff)
  /** The pause before the next restart. */
  #restartMs = this.#backoff.next()
  #phase: IngestPhase
  #feeds = 0
  #pins: readonly Position[] | undefined
  /** The last report of the thread. */
  state: IngestState = { tag: 'connecting' }
  /** The transactions that the creation of the slot waits for, while it waits. */
  waiting: string | undefined
  /** Why the log does not grow, for those who follow it. */
  readonly trouble: Trouble
  /** How much WAL the slot keeps. */
  readonly slot = new SlotGauge()

  /** `changed` gets every message of the thread; `explain` may replace an error by one that says more. */
  constructor(
    start: IngestStart,
    changed: (message: FromIngest) => void,
    explain: (error: WireError) => WireError = (error) => error,
  ) {
    this.#start = start
    this.#explain = explain
    this.#changed = changed
    const status: LogStatus = openChangelog(start.log).status
    this.trouble = new Trouble(() => status.endLsn)
    const replaced = programReplaced()
    if (replaced !== undefined) throw replaced
    this.#phase = { tag: 'preparing', worker: this.#spawn(), asked: newAsked() }
  }

  /** Settles when the slot exists and the log holds its starting point; rejects when that cannot be. */
  get ready(): Promise<void> {
    if (this.#phase.tag === 'failed') this.#enter({ tag: 'preparing', worker: this.#spawn(), asked: newAsked() })
    // Running feeds wait until the disk takes bytes again; a feed that would begin now gets the error.
    if (this.state.tag === 'retrying' && this.state.error.code === 'FEED_LOG_IO')
      return Promise.reject(fromWireError(this.state.error))
    const phase = this.#phase
    switch (phase.tag) {
      case 'preparing':
      case 'restarting':
        return phase.asked.promise
      case 'ready':
      case 'reviving':
        return Promise.resolve()
      case 'refused':
      case 'failed':
        return Promise.reject(fromWireError(phase.error))
      case 'stopping':
      case 'stopped':
        return Promise.reject(stops())
    }
  }

  set settings(settings: IngestSettings) {
    this.#start = { ...this.#start, settings }
    this.#post({ tag: 'settings', settings })
  }

  /** Counts the feeds that read this log. */
  demand(change: 1 | -1): void {
    this.#feeds += change
    this.#post({ tag: 'demand', feeds: this.#feeds })
  }

  /** The positions of the log that readers still need. */
  pin(positions: readonly Position[]): void {
    this.#pins = positions
    this.#post({ tag: 'pins', positions })
  }

  /** The positions of the last `pin`. */
  get pins(): readonly Position[] {
    return this.#pins ?? []
  }

  /** Has the health of the source checked now. */
  checkNow(): void {
    this.#post({ tag: 'check' })
  }

  async stop(): Promise<void> {
    this.trouble.close()
    const phase = this.#phase
    if ('asked' in phase) phase.asked.reject(stops())
    if ('timer' in phase) clearTimeout(phase.timer)
    if (phase.tag === 'stopping') return await phase.ended.promise
    const worker = workerOf(phase)
    if (worker === undefined) {
      if (phase.tag !== 'stopped') this.#enter({ tag: 'stopped' })
      return
    }
    const ended = Promise.withResolvers<void>()
    this.#enter({ tag: 'stopping', worker, ended })
    this.#post({ tag: 'stop' })
    const giveUp = setTimeout(() => void worker.terminate(), stopMs)
    await ended.promise
    clearTimeout(giveUp)
  }

  #enter(phase: IngestPhase): void {
    this.#phase = followIngest(this.#phase, phase)
  }

  #spawn(): Worker {
    const startedAt = Date.now()
    this.state = { tag: 'connecting' }
    const worker = new Worker(workerUrl('ingest/ingest-worker'), { name: 'ingest', workerData: this.#start })
    worker.on('message', (message: FromIngest) => this.#hear(message))
    worker.on('error', (error) => {
      this.#hear({
        tag: 'state',
        state: { tag: 'retrying', error: toWireError(explainMissing(error)), inMs: this.#restartMs },
      })
    })
    worker.on('exit', () => this.#ended(Date.now() - startedAt))
    if (this.#feeds > 0) worker.postMessage({ tag: 'demand', feeds: this.#feeds } satisfies ToIngest)
    if (this.#pins !== undefined) worker.postMessage({ tag: 'pins', positions: this.#pins } satisfies ToIngest)
    return worker
  }

  /** The thread is gone, `ranMs` after its start. */
  #ended(ranMs: number): void {
    const phase = this.#phase
    if (phase.tag === 'stopping') {
      this.#enter({ tag: 'stopped' })
      phase.ended.resolve()
    } else if (phase.tag === 'refused') this.#enter({ tag: 'failed', error: phase.error })
    else if (phase.tag === 'preparing' || phase.tag === 'ready') {
      if (ranMs > settledMs) {
        this.#backoff.reset()
        this.#restartMs = this.#backoff.next()
      }
      const timer = setTimeout(() => this.#restart(), this.#restartMs)
      this.#restartMs = this.#backoff.next()
      this.#enter(phase.tag === 'ready' ? { tag: 'reviving', timer } : { tag: 'restarting', timer, asked: phase.asked })
    }
  }

  #restart(): void {
    const phase = this.#phase
    if (phase.tag === 'reviving') this.#enter({ tag: 'ready', worker: this.#spawn() })
    else if (phase.tag === 'restarting') this.#enter({ tag: 'preparing', worker: this.#spawn(), asked: phase.asked })
  }

  #hear(reported: FromIngest): void {
    const message = this.#explained(reported)
    if (message.tag === 'slot') {
      this.slot.hear(message.reading)
      return
    }
    this.waiting = message.tag === 'waiting' ? message.why : undefined
    if (message.tag === 'waiting' && this.#phase.tag !== 'stopping') this.trouble.waits(message.why)
    if (message.tag === 'ready') this.#isReady()
    if (message.tag === 'state') {
      this.state = message.state
      if (this.#phase.tag !== 'stopping') this.trouble.hear(message.state)
      if (message.state.tag === 'failed') this.#refuse(message.state.error)
      if (message.state.tag === 'retrying') this.#retries(message.state.error)
    }
    this.#changed(message)
  }

  #explained(message: FromIngest): FromIngest {
    if (message.tag !== 'state' || message.state.tag !== 'retrying') return message
    return { ...message, state: { ...message.state, error: this.#explain(message.state.error) } }
  }

  #isReady(): void {
    const phase = this.#phase
    if (phase.tag !== 'preparing') return
    this.#enter({ tag: 'ready', worker: phase.worker })
    phase.asked.resolve()
  }

  /**
   * Rejects the current waiters if the source refuses. If it is only away they continue to wait: it comes back. So they do if the
   * password is wrong: those who wait were planned with the right one, which somebody has changed since.
   */
  #retries(error: WireError): void {
    const phase = this.#phase
    if (phase.tag !== 'preparing' || error.code === 'FEED_SOURCE_DOWN' || error.sqlstate === wrongPassword) return
    this.#enter({ tag: 'preparing', worker: phase.worker, asked: newAsked() })
    phase.asked.reject(fromWireError(error))
  }

  /** Rejects the current waiters and every later `ready` with `error`, until a new thread is started. */
  #refuse(error: WireError): void {
    const phase = this.#phase
    if (phase.tag !== 'preparing' && phase.tag !== 'ready') return
    this.#enter({ tag: 'refused', worker: phase.worker, error })
    if (phase.tag === 'preparing') phase.asked.reject(fromWireError(error))
  }

  #post(message: ToIngest): void {
    workerOf(this.#phase)?.postMessage(message)
  }
}

const wrongPassword = '28P01'

function stops(): FeedError {
  return new FeedError('FEED_STATE', 'ingest is stopping')
}
