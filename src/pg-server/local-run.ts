// One run of a statement of ours, from its first row to its command tag. A client may ask for a few rows at a time (a portal
// with a row limit); between two requests the statement waits in `sendRows`, so its source must wait, too.

import { FeedError } from '../errors/feed-error.ts'
import type { OccupiedBackend } from './occupied-backend.ts'
import type { LocalCall, SessionControl, StartedCall } from './local-statement.ts'
import { followRun, isActive, type Outcome, type RunPhase, type Running } from './run-phase.ts'

export interface RunOptions extends StartedCall {
  readonly id: string
  readonly session: SessionControl
  /** Writes bytes to the client; settles when the client can receive more, or when the signal aborts. */
  readonly write: (bytes: Uint8Array, signal: AbortSignal) => Promise<void>
  /** Frees the memory of rows when everything written so far was sent. */
  readonly free: (bytes: Uint8Array) => void
  readonly notice: LocalCall['notice']
  /** Prepares the session's backend to show the statement as `label`, because it will run for long. */
  readonly occupy: (label: string, run: LocalRun) => Promise<OccupiedBackend>
  /** Called once, when the statement has ended and uses nothing any more. */
  readonly ended: () => void
}

/** If a stopped statement with `mayBeLeft` has not ended after this time, its client does not wait any longer. */
const stopsWithinMs = 1000

export type RunResult = { readonly tag: 'done'; readonly commandTag: string } | { readonly tag: 'suspended' }

export class LocalRun {
  readonly id: string
  readonly sql: string
  readonly session: SessionControl
  readonly #options: RunOptions
  readonly #abort = new AbortController()
  readonly startedAtMs = Date.now()
  #phase: RunPhase = { tag: 'waiting', next: Promise.withResolvers() }
  #occupied: OccupiedBackend | undefined
  /** Notices from while the statement was not active; the next `advance` writes them. */
  #notices: (() => void)[] = []
  #opening: Uint8Array | undefined

  constructor(options: RunOptions) {
    this.#options = options
    this.#opening = options.opening
    const { id, sql, statement, parameters, resultFormats, session } = options
    this.id = id
    this.sql = sql
    this.session = session
    // The statement starts after the caller has called `advance`, for it must not send anything before.
    const end = Promise.resolve().then(() =>
      statement.run({
        parameters,
        resultFormats,
        session: this.#session(session),
        notice: (...notice) => this.#say(() => options.notice(...notice)),
        occupy: (label) => this.#occupy(label),
        accepted: async () => {
          this.#abort.signal.throwIfAborted()
          await this.open()
        },
        sendRows: (bytes) => this.#sendAndFree(bytes),
        signal: this.#abort.signal,
      }),
    )
    end.then(
      (commandTag) => this.#ended({ commandTag }),
      (error: unknown) => this.#ended({ error }),
    )
  }

  /** The session's backend, which runs a wait while this statement is active, so that PostgreSQL shows the statement. */
  get occupied(): OccupiedBackend | undefined {
    return this.#occupied
  }

  get isActive(): boolean {
    return isActive(this.#phase)
  }

  /** Continues until the end, or until `maxRows` rows (0: no limit) were sent. Throws the statement's error. */
  async advance(maxRows: number): Promise<RunResult> {
    for (const say of this.#notices.splice(0)) say()
    if (this.#phase.tag === 'waiting') await this.#run(this.#phase.next, maxRows === 0 ? undefined : maxRows)
    // The client gets the reason why the statement was stopped, whatever error the statement ended with.
    this.#abort.signal.throwIfAborted()
    if (this.#phase.tag !== 'over') return { tag: 'suspended' }
    const { outcome } = this.#phase
    if ('error' in outcome) throw outcome.error
    return { tag: 'done', commandTag: outcome.commandTag }
  }

  /** Makes the statement active until it has sent the rows that the client asks for, or has ended. */
  async #run(next: PromiseWithResolvers<void>, rowsLeft: number | undefined): Promise<void> {
    const running: Running = {
      tag: 'running',
      startedAt: performance.now(),
      rowsLeft,
      over: Promise.withResolvers(),
      leaving: undefined,
    }
    this.#enter(running)
    this.#occupied?.begin({ startedAt: running.startedAt, isLimited: rowsLeft !== undefined })
    next.resolve()
    if (this.#abort.signal.aborted) this.#leaveSoon()
    await running.over.promise
    await this.#occupied?.end()
    if (this.#phase.tag === 'pausing') this.#enter({ tag: 'waiting', next: this.#phase.next })
    else if (this.#phase.tag === 'ending') this.#enter({ tag: 'over', outcome: this.#phase.outcome })
  }

  async #occupy(label: string): Promise<void> {
    const occupied = await this.#options.occupy(label, this)
    this.#occupied = occupied
    if (this.#phase.tag !== 'running') return
    const { startedAt, rowsLeft } = this.#phase
    occupied.begin({ startedAt, isLimited: rowsLeft !== undefined })
  }

  /** Makes `advance` return 'suspended' after the rows that are already sent. */
  suspend(): void {
    if (this.#phase.tag === 'running') this.#enter({ tag: 'pausing', next: Promise.withResolvers() })
  }

  /** Sends the `opening`, unless it was sent before. */
  async open(): Promise<void> {
    const opening = this.#opening
    this.#opening = undefined
    if (opening !== undefined) await this.#options.write(opening, this.#abort.signal)
  }

  abort(reason: FeedError): void {
    if (this.#abort.signal.aborted) return
    const phase = this.#phase
    if (phase.tag === 'waiting' || phase.tag === 'pausing') {
      phase.next.promise.catch(() => undefined)
      phase.next.reject(reason)
    }
    this.#abort.abort(reason)
    this.#leaveSoon()
  }

  /** Ends the wait of the client for a stopped statement with `mayBeLeft` soon; the client does not see when it ends. */
  #leaveSoon(): void {
    if (this.#options.statement.mayBeLeft !== true || this.#phase.tag !== 'running') return
    this.#phase.leaving = setTimeout(() => this.suspend(), stopsWithinMs)
  }

  #enter(phase: RunPhase): void {
    const from = this.#phase
    this.#phase = followRun(from, phase)
    if (from.tag !== 'running') return
    clearTimeout(from.leaving)
    from.over.resolve()
  }

  /** Returns a control that refuses queries of a stopped statement, because the next statement may be using the backend. */
  #session(control: SessionControl): SessionControl {
    const { signal } = this.#abort
    const queryBackend: SessionControl['queryBackend'] = async (sql) => {
      signal.throwIfAborted()
      const rows = await control.queryBackend(sql)
      signal.throwIfAborted()
      return rows
    }
    return Object.create(control, { queryBackend: { value: queryBackend } }) as SessionControl
  }

  #ended(outcome: Outcome): void {
    this.#enter({ tag: this.isActive ? 'ending' : 'over', outcome })
    this.#options.ended()
  }

  #say(say: () => void): void {
    if (this.isActive) say()
    else this.#notices.push(say)
  }

  async #sendAndFree(bytes: Uint8Array): Promise<void> {
    try {
      await this.#send(bytes)
    } finally {
      this.#options.free(bytes)
    }
  }

  async #send(bytes: Uint8Array): Promise<void> {
    const { signal } = this.#abort
    signal.throwIfAborted()
    await this.open()
    signal.throwIfAborted()
    for (let rest = bytes; rest.length > 0;) {
      const phase = this.#phase
      if (phase.tag === 'running' && phase.rowsLeft === undefined) {
        await this.#options.write(rest, signal)
        signal.throwIfAborted()
        return
      }
      if (phase.tag === 'running') rest = await this.#sendSome(rest, phase)
      await this.#rowsWanted()
    }
  }

  /** Sends as many rows as the client has asked for. Returns the rest. */
  async #sendSome(bytes: Uint8Array, running: Running): Promise<Uint8Array> {
    const { signal } = this.#abort
    const end = findEnd(bytes, running.rowsLeft ?? Infinity)
    if (running.rowsLeft !== undefined) running.rowsLeft -= end.rows
    if (end.offset > 0) await this.#options.write(bytes.subarray(0, end.offset), signal)
    signal.throwIfAborted()
    if (running.rowsLeft === 0 && this.#phase === running) this.suspend()
    return bytes.subarray(end.offset)
  }

  /** Settles when the client asks for rows. */
  async #rowsWanted(): Promise<void> {
    const phase = this.#phase
    if (phase.tag === 'waiting' || phase.tag === 'pausing') await phase.next.promise
    else if (phase.tag !== 'running') throw new FeedError('FEED_BUG', 'a statement that has ended sends rows')
    this.#abort.signal.throwIfAborted()
  }
}

/** Returns the offset after the first `most` DataRow messages, or after all of them, and their number. */
function findEnd(bytes: Uint8Array, most: number): { readonly offset: number; readonly rows: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let offset = 0
  let rows = 0
  while (rows < most && offset < bytes.length) {
    offset += 1 + view.getInt32(offset + 1)
    rows += 1
  }
  return { offset, rows }
}
