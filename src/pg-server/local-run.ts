// One run of a statement of ours: from its first row to its command tag. Rows may be taken a few at a time (a portal
// with a row limit); in between the statement waits in `sendRows`, and whatever feeds it waits with it.

import { FeedError } from '../errors/feed-error.ts'
import type { OccupiedBackend } from './occupied-backend.ts'
import type { LocalStatement, SessionControl } from './local-statement.ts'

export interface RunOptions {
  readonly id: string
  readonly sql: string
  readonly statement: LocalStatement
  readonly parameters: readonly (string | null)[]
  readonly resultFormats: readonly number[]
  /** As in StartedCall. */
  readonly opening?: Uint8Array | undefined
  readonly session: SessionControl
  /** Takes bytes for the client; settles when it can take more, or when the signal aborts. */
  readonly write: (bytes: Uint8Array, signal: AbortSignal) => Promise<void>
  /** Gives back the memory of rows when all bytes before have left. */
  readonly free: (bytes: Uint8Array) => void
  readonly notice: (severity: 'NOTICE' | 'WARNING', message: string, hint?: string) => void
  /** The statement will run long: PostgreSQL is to show it as `label`. */
  readonly occupy: (label: string, run: LocalRun) => Promise<OccupiedBackend>
  /** Called once, when the statement holds nothing any more. */
  readonly ended: (run: LocalRun) => void
}

/** A stopped statement with `mayBeLeft` that has not ended after this time no longer holds up its client. */
const stopsWithinMs = 1000

export type RunResult = { readonly tag: 'done'; readonly commandTag: string } | { readonly tag: 'suspended' }

export class LocalRun {
  readonly #options: RunOptions
  readonly #abort = new AbortController()
  /** How the statement ended. */
  #outcome: { readonly commandTag: string } | { readonly error: unknown } | undefined
  /** Resolves at the next suspension or the end; `advance` waits for it. */
  #turn: PromiseWithResolvers<void> | undefined
  readonly startedAtMs = Date.now()
  #occupied: OccupiedBackend | undefined
  #turnStartedAt = 0
  #leaving: NodeJS.Timeout | undefined
  /** How many more rows may be sent before the next suspension; undefined: no limit. */
  #allowed: number | undefined = 0
  #mayGoOn = Promise.withResolvers<void>()
  /** The client waits for this statement, which may write to it. */
  #isActive = false
  /** Notices that came while the statement was not active; the next `advance` writes them. */
  #notices: (() => void)[] = []
  #opening: Uint8Array | undefined

  constructor(options: RunOptions) {
    this.#options = options
    this.#opening = options.opening
    const { statement, parameters, resultFormats, session } = options
    // The statement starts after the caller has called `advance`, for it must not send before its turn.
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
      (commandTag) => this.#over({ commandTag }),
      (error: unknown) => this.#over({ error }),
    )
  }

  get id(): string {
    return this.#options.id
  }

  get sql(): string {
    return this.#options.sql
  }

  get session(): SessionControl {
    return this.#options.session
  }

  /** The session's backend, which waits for this statement so that PostgreSQL shows it. */
  get occupied(): OccupiedBackend | undefined {
    return this.#occupied
  }

  get isActive(): boolean {
    return this.#isActive
  }

  /** Runs on until the end or until `maxRows` (0: no limit) have gone out. Throws what the statement throws. */
  async advance(maxRows: number): Promise<RunResult> {
    this.#isActive = true
    this.#turnStartedAt = performance.now()
    for (const say of this.#notices.splice(0)) say()
    this.#allowed = maxRows === 0 ? undefined : maxRows
    if (this.#outcome === undefined) {
      this.#turn = Promise.withResolvers()
      this.#beginTurn()
      this.#mayGoOn.resolve()
      this.#mayGoOn = Promise.withResolvers()
      if (this.#abort.signal.aborted) this.#leaveSoon()
      await this.#turn.promise
      await this.#occupied?.end()
    }
    this.#isActive = false
    // The client gets the reason why the statement was stopped, whatever error the statement ended with.
    this.#abort.signal.throwIfAborted()
    const outcome = this.#outcome
    if (outcome === undefined) return { tag: 'suspended' }
    if ('error' in outcome) throw outcome.error
    return { tag: 'done', commandTag: outcome.commandTag }
  }

  async #occupy(label: string): Promise<void> {
    this.#occupied = await this.#options.occupy(label, this)
    if (this.#isActive && this.#outcome === undefined) this.#beginTurn()
  }

  #beginTurn(): void {
    this.#occupied?.begin({ startedAt: this.#turnStartedAt, isLimited: this.#allowed !== undefined })
  }

  /** The client wants no more rows for now: `advance` returns 'suspended' after the rows that are already sent. */
  suspend(): void {
    if (!this.#isActive || this.#outcome !== undefined) return
    this.#allowed = 0
    this.#turn?.resolve()
  }

  /** Sends what comes before the first row, if it has not been sent. */
  async open(): Promise<void> {
    const opening = this.#opening
    this.#opening = undefined
    if (opening !== undefined) await this.#options.write(opening, this.#abort.signal)
  }

  abort(reason: FeedError): void {
    if (this.#abort.signal.aborted) return
    this.#mayGoOn.promise.catch(() => undefined)
    this.#mayGoOn.reject(reason)
    this.#abort.abort(reason)
    this.#leaveSoon()
  }

  /** Lets `advance` end soon for a stopped statement with `mayBeLeft`, which then ends unseen by the client. */
  #leaveSoon(): void {
    if (this.#options.statement.mayBeLeft !== true || this.#outcome !== undefined) return
    clearTimeout(this.#leaving)
    this.#leaving = setTimeout(() => this.#turn?.resolve(), stopsWithinMs)
  }

  /** Refuses queries of a stopped statement: the next statement may be using the backend by then. */
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

  #over(outcome: { readonly commandTag: string } | { readonly error: unknown }): void {
    this.#outcome = outcome
    clearTimeout(this.#leaving)
    this.#options.ended(this)
    this.#turn?.resolve()
  }

  #say(say: () => void): void {
    if (this.#isActive) say()
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
    let rest = bytes
    while (rest.length > 0) {
      signal.throwIfAborted()
      if (this.#allowed === undefined) {
        await this.#options.write(rest, signal)
        signal.throwIfAborted()
        return
      }
      const end = behindRows(rest, this.#allowed)
      this.#allowed -= end.rows
      if (end.offset > 0) await this.#options.write(rest.subarray(0, end.offset), signal)
      rest = rest.subarray(end.offset)
      if (this.#allowed === 0) {
        const { promise } = this.#mayGoOn
        this.#turn?.resolve()
        await promise
      }
    }
  }
}

/** Returns the offset behind the first `most` DataRow messages, or behind all of them, and how many they are. */
function behindRows(bytes: Uint8Array, most: number): { readonly offset: number; readonly rows: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let offset = 0
  let rows = 0
  while (rows < most && offset < bytes.length) {
    offset += 1 + view.getInt32(offset + 1)
    rows += 1
  }
  return { offset, rows }
}
