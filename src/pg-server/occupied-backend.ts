// A statement of ours that runs long, as PostgreSQL sees it: while it has its turn the session's backend runs a statement
// that waits, under the text of ours. So `pg_stat_activity` shows it, `pg_cancel_backend` and `statement_timeout` end it,
// and the timeouts of idle sessions leave it alone.
//
// The wait says when it has begun, with a message that the client does not see: a cancel request that comes before the
// statement it means is lost. So nothing can be cancelled in vain for longer than a quiet time, and a wait is stopped at
// once. In the same way the wait says that it was cancelled.
//
// It waits in steps, so that its snapshot never holds back VACUUM or CREATE INDEX CONCURRENTLY for longer than one. When
// the backend is needed for something else the wait is cancelled. It catches that itself, and behind a savepoint: neither
// the log nor a transaction of the client notices.
//
// PostgreSQL remembers that a cancel request has come, not how many or from whom. So a request of a user that comes
// while we stop the wait cannot be told from ours and ends nothing, and neither does one that comes between two steps
// inside a transaction, when the backend runs nothing.

import { setTimeout as delay } from 'node:timers/promises'
import { FeedError } from '../errors/feed-error.ts'
import type { BackendLink } from './backend-link.ts'
import { followOccupied, type Beginning, type Begun, type OccupiedPhase, type Wait } from './occupied-phase.ts'

/** Statements that are stopped and go on with every row are not worth it while the rows come fast. */
const quietMs = { unlimited: 0, limited: 100 } as const
const stepSeconds = { alone: 1, inTransaction: 2 } as const
/** A cancel request is repeated where it has met nothing. */
const cancelAgainMs = 100
const longestTimerMs = 0x7fffffff
const savepoint = 'changefeed_waits'

const timeoutsSql = `SELECT name, setting FROM pg_catalog.pg_settings
WHERE name IN ('statement_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout')`

export interface OccupiedOptions {
  readonly link: BackendLink
  /** What `pg_stat_activity` shows. */
  readonly label: string
  /** Somebody cancelled the statement, or its time is over. */
  readonly ended: (error: FeedError) => void
}

export class OccupiedBackend {
  readonly #options: OccupiedOptions
  #phase: OccupiedPhase = { tag: 'free' }
  #timeoutMs = 0
  /** The shortest time after which the server ends an idle session. */
  #idleMs = Infinity
  /** Set while the statement has its turn. */
  #turn:
    | { readonly startedAt: number; readonly quietMs: number; readonly timeout: NodeJS.Timeout | undefined }
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

  /** A cancel request to the backend would meet the wait. */
  get isHeld(): boolean {
    const { tag } = this.#phase
    return tag !== 'free' && tag !== 'quiet'
  }

  /** The statement has its turn, since `startedAt` (performance.now). */
  begin({ startedAt, isLimited }: { readonly startedAt: number; readonly isLimited: boolean }): void {
    const most = Math.min(this.#idleMs / 2, isLimited ? quietMs.limited : quietMs.unlimited)
    const leftMs = this.#timeoutMs - (performance.now() - startedAt)
    const timeout =
      this.#timeoutMs === 0
        ? undefined
        : setTimeout(() => this.#options.ended(timedOut()), Math.min(Math.max(leftMs, 0), longestTimerMs))
    this.#turn = { startedAt, quietMs: most, timeout }
    this.#quiet()
  }

  /** Its turn is over. Settles when the backend is free. */
  async end(): Promise<void> {
    clearTimeout(this.#turn?.timeout)
    this.#turn = undefined
    await this.#release()
  }

  /** Something else on the backend, in the middle of a turn. */
  async around<T>(work: () => Promise<T>): Promise<T> {
    await this.#release()
    try {
      return await work()
    } finally {
      if (this.#turn !== undefined && this.#phase.tag === 'free') this.#quiet()
    }
  }

  #enter(phase: OccupiedPhase): void {
    this.#phase = followOccupied(this.#phase, phase)
  }

  #quiet(): void {
    const timer = setTimeout(() => {
      const wait: Wait = { done: Promise.resolve().then(() => this.#hold(wait)), canceling: Promise.resolve() }
      this.#enter({ tag: 'beginning', wait, begun: Promise.withResolvers() })
    }, this.#turn?.quietMs)
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
    // Somebody else may have waited for the same, and gone on.
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

  /** The whole wait. */
  async #hold(wait: Wait): Promise<void> {
    const { link } = this.#options
    try {
      const inTransaction = link.status === 'T'
      if (inTransaction) await link.query(`SAVEPOINT ${savepoint}`)
      await this.#waitInSteps(wait, inTransaction)
      await wait.canceling
      if (inTransaction) await link.query(`ROLLBACK TO SAVEPOINT ${savepoint}; RELEASE SAVEPOINT ${savepoint}`)
    } catch {
      // The connection is over, which whoever reads from it has noticed.
    }
    this.#spend(wait)
  }

  /** The wait has ended. Returns whether it did so by itself. */
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
          if (this.#spend(wait)) ended(this.#isTimeOver ? timedOut() : canceledByUser())
          return
        }
        if (this.#phase.tag === 'waiting') this.#enter({ tag: 'beginning', wait, begun: Promise.withResolvers() })
      }
    } catch (error) {
      // Where it is not allowed to wait (no PL/pgSQL) the statement goes on without.
      if (this.#spend(wait) && error instanceof FeedError && error.sqlstate === '57014') ended(error)
    }
  }

  /** Returns whether the step says that it was canceled. */
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

  /** The statement has run for as long as `statement_timeout` lets it. */
  get #isTimeOver(): boolean {
    return (
      this.#timeoutMs > 0 && this.#turn !== undefined && performance.now() - this.#turn.startedAt >= this.#timeoutMs
    )
  }
}

/** A step is a transaction of its own, which the client has not asked for. PostgreSQL 17 and later can limit it. */
const unlimited = `IF pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL THEN PERFORM pg_catalog.set_config('transaction_timeout', '0', true); END IF;`

/** What the wait says. Of all levels INFO is the one that no setting holds back. */
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

function timedOut(): FeedError {
  return new FeedError('FEED_CANCELED', 'canceling statement due to statement timeout', { sqlstate: '57014' })
}

function canceledByUser(): FeedError {
  return new FeedError('FEED_CANCELED', 'canceling statement due to user request', { sqlstate: '57014' })
}
