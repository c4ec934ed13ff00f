// Locks tables in the open transaction, and names who holds their locks if that does not succeed.
//
// A waiting lock makes all new writers wait too, so a transaction waits for one lock only, for a short while, and holds no
// other lock meanwhile; several tables are locked without waiting. Autovacuum gives way to a session that waits for longer than
// deadlock_timeout, so ours is shorter than the wait, if our role may set it.

import type { RawConnection } from '../postgres/raw-connection.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'

const waitMs = 300
const findAfterMs = 120
const autovacuumGivesWayMs = 60

/** Begins a transaction in which DDL is ours, and waits are short. */
export const beginSql = `BEGIN; SELECT set_config('changefeed.internal', 'on', true), set_config('lock_timeout', '${waitMs}', true), CASE WHEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN set_config('deadlock_timeout', '${autovacuumGivesWayMs}', true) END`

export interface Blocker {
  /** Zero for a prepared transaction. */
  readonly pid: number
  /** For messages. Never the text of a query: it may hold values of rows. */
  readonly text: string
  /** A session that takes the table under watch, too. Each has the lock for a moment, and they take turns. */
  readonly isOurs: boolean
}

const blockersSql = (pid: number): string => `SELECT DISTINCT b.pid::text, CASE
    WHEN b.pid = 0 THEN 'a prepared transaction'
    WHEN a.backend_type IS DISTINCT FROM 'client backend' THEN format('process %s (%s)', b.pid, a.backend_type)
    ELSE format('process %s of user "%s"%s, %s, in its transaction for %s s', b.pid, a.usename, CASE WHEN a.application_name <> '' THEN format(' (%s)', a.application_name) END, a.state, round(extract(epoch FROM clock_timestamp() - a.xact_start)))
  END, coalesce(a.application_name = 'pg-changefeed', false) FROM unnest(pg_blocking_pids(${pid})) AS b(pid) LEFT JOIN pg_stat_activity a USING (pid) ORDER BY 1`

/** Finds out, on a connection of its own, whom another connection waits for. */
export class LockWatcher implements AsyncDisposable {
  readonly #source: SourceConnection
  readonly #waiting: RawConnection
  #connection: RawConnection | undefined
  /** The processes that held the locks at the last check. */
  blockers: readonly Blocker[] = []

  constructor(source: SourceConnection, waiting: RawConnection) {
    this.#source = source
    this.#waiting = waiting
  }

  async during<T>(work: Promise<T>): Promise<T> {
    let finding: Promise<void> = Promise.resolve()
    const timer = setTimeout(() => {
      // The work does not fail because nobody can say who holds its lock.
      finding = this.#findBlockers().catch(() => undefined)
    }, findAfterMs)
    try {
      return await work
    } finally {
      clearTimeout(timer)
      await finding
    }
  }

  async #findBlockers(): Promise<void> {
    this.#connection ??= await openRawConnection({ source: this.#source, readBufferBytes: 16 * 1024 })
    const rows = await this.#connection.query(blockersSql(this.#waiting.backendPid))
    if (rows.length > 0)
      this.blockers = rows.map(([pid, text, isOurs]) => ({
        pid: Number(pid),
        text: text ?? '',
        isOurs: isOurs === 't',
      }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection?.close()
  }
}

export type LockMode = 'SHARE UPDATE EXCLUSIVE' | 'SHARE ROW EXCLUSIVE' | 'ACCESS EXCLUSIVE'

/** Names as `schema.table`, quoted. */
export function lockSql(names: readonly string[], mode: LockMode, isWaiting: boolean): string {
  const list = names.map((name) => `ONLY ${name}`).join(', ')
  return names.length === 0 ? '' : `LOCK TABLE ${list} IN ${mode} MODE${isWaiting ? '' : ' NOWAIT'};`
}
