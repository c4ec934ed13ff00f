// A statement of ours that runs long, as PostgreSQL sees it: while it has its turn the session's backend runs a statement
// that waits, under the text of ours. So `pg_stat_activity` shows it, `pg_cancel_backend` and `statement_timeout` end it,
// and the timeouts of idle sessions leave it alone.
//
//   free ── begin ──► quiet ── a moment ──► held ── end ──► free
//                       └───────── end ──────────────────────┘
//
// It says when it has begun, with a message that the client does not see: a cancel request that comes before the statement
// it means is lost. So nothing can be cancelled in vain for longer than a quiet time, and a wait is stopped at once.
//
// It waits in steps, so that its snapshot never holds back VACUUM or CREATE INDEX CONCURRENTLY for longer than one. When
// the backend is needed for something else the wait is cancelled. It catches that itself, and behind a savepoint: neither
// the log nor a transaction of the client notices.

import { FeedError } from '../errors/feed-error.ts'
import type { BackendLink } from './backend-link.ts'

/** Statements that are stopped and go on with every row are not worth it while the rows come fast. */
const quietMs = { unlimited: 0, limited: 100 } as const
const stepSeconds = { alone: 1, inTransaction: 2 } as const
/** A step that ends so much early was cancelled. */
const earlyMs = 100
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

interface Held {
  readonly done: Promise<void>
  isStopping: boolean
  /** The waiting statement has begun: a cancel request meets it. */
  isWaiting: boolean
  /** Whoever waits for that. */
  begun: () => void
  /** Under way; what follows must not be met by it. */
  cancelling: Promise<void>
}

type Phase =
  | { readonly tag: 'free' }
  | { readonly tag: 'quiet'; readonly timer: NodeJS.Timeout }
  | { readonly tag: 'held'; readonly held: Held }

export class OccupiedBackend {
  readonly #options: OccupiedOptions
  #phase: Phase = { tag: 'free' }
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
    return this.#phase.tag === 'held'
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

  #quiet(): void {
    const timer = setTimeout(() => {
      const held: Held = {
        done: Promise.resolve().then(() => this.#hold(held)),
        isStopping: false,
        isWaiting: false,
        begun: () => undefined,
        cancelling: Promise.resolve(),
      }
      this.#phase = { tag: 'held', held }
    }, this.#turn?.quietMs)
    this.#phase = { tag: 'quiet', timer }
  }

  async #release(): Promise<void> {
    const phase = this.#phase
    if (phase.tag === 'free') return
    if (phase.tag === 'quiet') clearTimeout(phase.timer)
    else await this.#stop(phase.held)
    if (this.#phase === phase) this.#phase = { tag: 'free' }
  }

  async #stop(held: Held): Promise<void> {
    held.isStopping = true
    let isDone = false
    const done = held.done.then(() => void (isDone = true))
    while (!isDone) {
      if (held.isWaiting) held.cancelling = this.#options.link.cancel()
      await held.cancelling
      const again = Promise.withResolvers<void>()
      if (!held.isWaiting) held.begun = again.resolve
      const timer = setTimeout(again.resolve, cancelAgainMs)
      await Promise.race([done, again.promise])
      clearTimeout(timer)
    }
  }

  async #hold(held: Held): Promise<void> {
    const { link } = this.#options
    try {
      const inTransaction = link.status === 'T'
      if (inTransaction) await link.query(`SAVEPOINT ${savepoint}`)
      await this.#wait(held, inTransaction)
      await held.cancelling
      if (inTransaction) await link.query(`ROLLBACK TO SAVEPOINT ${savepoint}; RELEASE SAVEPOINT ${savepoint}`)
    } catch {
      // The connection is over, which whoever reads from it has noticed.
    }
  }

  async #wait(held: Held, inTransaction: boolean): Promise<void> {
    const { link, label, ended } = this.#options
    const seconds = inTransaction ? stepSeconds.inTransaction : Infinity
    const sql = waitSql(label, inTransaction)
    try {
      while (!held.isStopping) {
        const sentAt = performance.now()
        await link.query(sql, () => {
          held.isWaiting = true
          held.begun()
        })
        held.isWaiting = false
        if (held.isStopping || performance.now() - sentAt > seconds * 1000 - earlyMs) continue
        const isTimeout =
          this.#timeoutMs > 0 && performance.now() - (this.#turn?.startedAt ?? sentAt) >= this.#timeoutMs
        ended(isTimeout ? timedOut() : canceledByUser())
        return
      }
    } catch (error) {
      // Where it is not allowed to wait (no PL/pgSQL) the statement goes on without.
      if (!held.isStopping && error instanceof FeedError && error.sqlstate === '57014') ended(error)
    } finally {
      held.isWaiting = false
    }
  }
}

/** A step is a transaction of its own, which the client has not asked for. PostgreSQL 17 and later can limit it. */
const unlimited = `IF pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL THEN PERFORM pg_catalog.set_config('transaction_timeout', '0', true); END IF;`

/** Of all levels the one that no setting holds back. */
const begun = `RAISE INFO 'waiting';`

function waitSql(label: string, inTransaction: boolean): string {
  const shown = label.replaceAll('*/', '* /').replaceAll('/*', '/ *')
  const step = `PERFORM pg_catalog.pg_sleep(${inTransaction ? stepSeconds.inTransaction : stepSeconds.alone})`
  const body = inTransaction
    ? `BEGIN ${begun} ${step}; EXCEPTION WHEN query_canceled THEN NULL; END`
    : `BEGIN ${begun} LOOP BEGIN ${unlimited} ${step}; EXCEPTION WHEN query_canceled THEN EXIT; END; COMMIT; END LOOP; END`
  return `/* ${shown} */ DO LANGUAGE plpgsql $changefeed$${body}$changefeed$`
}

function timedOut(): FeedError {
  return new FeedError('FEED_CANCELED', 'canceling statement due to statement timeout', { sqlstate: '57014' })
}

function canceledByUser(): FeedError {
  return new FeedError('FEED_CANCELED', 'canceling statement due to user request', { sqlstate: '57014' })
}
