// Shows a long statement of ours in PostgreSQL: while the statement is active, the session's backend runs a statement that only
// waits, with the text of ours in a comment. So `pg_stat_activity` shows the statement, `pg_cancel_backend` and
// `statement_timeout` end it, and the timeouts of idle sessions do not.
//
// A cancel request that arrives before the wait runs is lost. So the wait reports that it runs, with a notice that the client
// does not see, and we cancel it only after that. A second notice reports that the wait was cancelled.
//
// The wait has steps, so that its snapshot holds back VACUUM and CREATE INDEX CONCURRENTLY for one step at most. When the
// backend is needed for something else, we cancel the wait. It catches the error, inside a savepoint if there is a
// transaction, so that neither the log of PostgreSQL nor the client's transaction has an error.
//
// PostgreSQL remembers that there was a cancel request, but not how many or from whom. So the request of a user that arrives
// while we stop the wait has no effect, and neither has one between two steps inside a transaction, when the backend is idle.

import { setTimeout as delay } from 'node:timers/promises'
import { FeedError } from '../errors/feed-error.ts'
import type { BackendLink } from './backend-link.ts'
import { followOccupied, type Beginning, type Begun, type OccupiedPhase, type Wait } from './occupied-phase.ts'

/** The wait begins after this time without another request: a client that fetches few rows at a time, fast, needs no wait. */
const quietMs = { unlimited: 0, limited: 100 } as const
const stepSeconds = { alone: 1, inTransaction: 2 } as const
/** The time after which a cancel request is repeated if the wait still runs. */
const cancelAgainMs = 100
const longestTimerMs = 0x7fffffff
const savepoint = 'changefeed_waits'

const timeoutsSql = `SELECT name, setting FROM pg_catalog.pg_settings
WHERE name IN ('statement_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout')`

export interface OccupiedOptions {
  readonly link: BackendLink
  /** The text that `pg_stat_activity` shows. */
  readonly label: string
  /** Called if a user cancelled the statement, or `statement_timeout` is over. */
  readonly ended: (error: FeedError) => void
}

export class OccupiedBackend {
  readonly #options: OccupiedOptions
  #phase: OccupiedPhase = { tag: 'free' }
  #timeoutMs = 0
  /** The shortest time after which PostgreSQL ends an idle session. */
  #idleMs = Infinity
  /** Set while the statement is active. */
  #active:
    | { readonly startedAt: number; readonly quietMs: number; readonly timer: NodeJS.Timeout | undefined }
    | undefined

  private constructor(options: OccupiedOptions) {
    this.#options = options
  }

  static async open(options: OccupiedOptions): Promise<OccupiedBackend> {
    const occupied = new OccupiedBackend(options)
    for (const [name, setting] of await options.link.query(timeoutsSql)) {
      const ms = Number(setting)
      if (name === 'statement_timeout') occupied.#timeoutMs = ms
      else if (ms > 0) occupied.#idleMs = Math.min(occupied.#idleMs, ms)
    }
    return occupied
  }

  /** Whether a cancel request to the backend would cancel the wait. */
  get isHeld(): boolean {
    const { tag } = this.#phase
    return tag !== 'free' && tag !== 'quiet'
  }

  /** Called when the statement becomes active; `startedAt` is a time of `performance.now`. */
  begin({ startedAt, isLimited }: { readonly startedAt: number; readonly isLimited: boolean }): void {
    const most = Math.min(this.#idleMs / 2, isLimited ? quietMs.limited : quietMs.unlimited)
    const leftMs = this.#timeoutMs - (performance.now() - startedAt)
    const timer =
      this.#timeoutMs === 0
        ? undefined
        : setTimeout(
            () => this.#options.ended(canceledBy('statement timeout')),
            Math.min(Math.max(leftMs, 0), longestTimerMs),
          )
    this.#active = { startedAt, quietMs: most, timer }
    this.#quiet()
  }

  /** Called when the statement is no longer active. Settles when the backend is free. */
  async end(): Promise<void> {
    clearTimeout(this.#active?.timer)
    this.#active = undefined
    await this.#release()
  }

  /** Runs something else on the backend while the statement is active. */
  async around<T>(work: () => Promise<T>): Promise<T> {
    await this.#release()
    try {
      return await work()
    } finally {
      if (this.#active !== undefined && this.#phase.tag === 'free') this.#quiet()
    }
  }

  #enter(phase: OccupiedPhase): void {
    this.#phase = followOccupied(this.#phase, phase)
  }

  #quiet(): void {
    const timer = setTimeout(() => {
      const wait: Wait = { done: Promise.resolve().then(() => this.#hold(wait)), canceling: Promise.resolve() }
      this.#enter({ tag: 'beginning', wait, begun: Promise.withResolvers() })
    }, this.#active?.quietMs)
    this.#enter({ tag: 'quiet', timer })
  }

  async #release(): Promise<void> {
    const phase = this.#phase
    if (phase.tag === 'free') return
    if (phase.tag === 'quiet') {
      clearTimeout(phase.timer)
      this.#enter({ tag: 'free' })
      return
    }
    const { wait } = phase
    if (phase.tag === 'beginning' || phase.tag === 'waiting') {
      this.#enter({ tag: 'stopping', wait })
      await this.#stop(wait, phase.begun)
    } else await wait.done
    // Another call of `#release` may have waited for the same wait and entered the phase first.
    if ('wait' in this.#phase && this.#phase.wait === wait) this.#enter({ tag: 'free' })
  }

  async #stop(wait: Wait, begun: Begun): Promise<void> {
    let isDone = false
    const done = wait.done.then(() => void (isDone = true))
    await Promise.race([done, begun.promise])
    while (!isDone) {
      wait.canceling = this.#options.link.cancel()
      await wait.canceling
      const again = new AbortController()
      await Promise.race([done, delay(cancelAgainMs, undefined, { signal: again.signal }).catch(() => undefined)])
      again.abort()
    }
  }

  /** Runs the whole wait. */
  async #hold(wait: Wait): Promise<void> {
    const { link } = this.#options
    try {
      const inTransaction = link.status === 'T'
      if (inTransaction) await link.query(`SAVEPOINT ${savepoint}`)
      await this.#waitInSteps(wait, inTransaction)
      await wait.canceling
      if (inTransaction) await link.query(`ROLLBACK TO SAVEPOINT ${savepoint}; RELEASE SAVEPOINT ${savepoint}`)
    } catch {
      // The connection has ended; the session learns that from its link.
    }
    this.#spend(wait)
  }

  /** Called when the wait has ended. Returns false if it ended because we stopped it. */
  #spend(wait: Wait): boolean {
    const { tag } = this.#phase
    if (tag !== 'beginning' && tag !== 'waiting') return false
    this.#enter({ tag: 'spent', wait })
    return true
  }

  async #waitInSteps(wait: Wait, inTransaction: boolean): Promise<void> {
    const { label, ended } = this.#options
    const sql = waitSql(label, inTransaction)
    try {
      for (let phase = this.#phase; phase.tag === 'beginning'; phase = this.#phase) {
        const isCanceled = await this.#step(sql, phase)
        if (isCanceled) {
          if (this.#spend(wait)) ended(canceledBy(this.#isTimeOver ? 'statement timeout' : 'user request'))
          return
        }
        if (this.#phase.tag === 'waiting') this.#enter({ tag: 'beginning', wait, begun: Promise.withResolvers() })
      }
    } catch (error) {
      // If the wait cannot run (the user may not use PL/pgSQL), the statement runs without it.
      if (this.#spend(wait) && error instanceof FeedError && error.sqlstate === '57014') ended(error)
    }
  }

  /** Runs one step of the wait. Returns whether the step reported that it was canceled. */
  async #step(sql: string, { wait, begun }: Beginning): Promise<boolean> {
    let isCanceled = false
    await this.#options.link.query(sql, (message) => {
      if (message === says.canceled) isCanceled = true
      if (message !== says.begun) return
      if (this.#phase.tag === 'beginning') this.#enter({ tag: 'waiting', wait, begun })
      begun.resolve()
    })
    return isCanceled
  }

  /** Whether the statement has run for the time of `statement_timeout`. */
  get #isTimeOver(): boolean {
    const startedAt = this.#active?.startedAt
    return this.#timeoutMs > 0 && startedAt !== undefined && performance.now() - startedAt >= this.#timeoutMs
  }
}

/** Lifts `transaction_timeout` (PostgreSQL 17 and later): a step is a transaction that the client has not begun. */
const unlimited = `IF pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL THEN PERFORM pg_catalog.set_config('transaction_timeout', '0', true); END IF;`

/** The notices of the wait. Their level is INFO, because no setting suppresses that level. */
const says = { begun: 'waiting', canceled: 'canceled' } as const
const sayBegun = `RAISE INFO '${says.begun}';`
const sayCanceled = `RAISE INFO '${says.canceled}';`

function waitSql(label: string, inTransaction: boolean): string {
  const shown = label.replaceAll('*/', '* /').replaceAll('/*', '/ *')
  const step = `PERFORM pg_catalog.pg_sleep(${inTransaction ? stepSeconds.inTransaction : stepSeconds.alone})`
  const body = inTransaction
    ? `BEGIN ${sayBegun} ${step}; EXCEPTION WHEN query_canceled THEN ${sayCanceled} END`
    : `BEGIN ${sayBegun} LOOP BEGIN ${unlimited} ${step}; EXCEPTION WHEN query_canceled THEN ${sayCanceled} EXIT; END; COMMIT; END LOOP; END`
  return `/* ${shown} */ DO LANGUAGE plpgsql $changefeed$${body}$changefeed$`
}

function canceledBy(cause: string): FeedError {
  return new FeedError('FEED_CANCELED', `canceling statement due to ${cause}`, { sqlstate: '57014' })
}
