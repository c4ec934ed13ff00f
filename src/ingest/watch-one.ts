// Takes one table under watch that somebody else may have locked: tries again and again until a deadline, and then fails
// with an error that names who holds the lock.

import { setTimeout as delay } from 'node:timers/promises'
import type { Turns } from '../async/turns.ts'
import { shownString } from '../core/quote.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { isLocked } from '../postgres/table-locks.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { LockWatcher } from './lock-tables.ts'
import { call } from '../source-schema/call.ts'
import type { IngestAtHand } from './prepared/watch-prepared.ts'
import { namesOf, watchBatch, type TableToWatch } from './watch-batch.ts'

const lockPauseMs = 100
const defaultDeadlineMs = 10_000
const reportAfterMs = 1500
const typeWaitMs = 300
/** What is left for the table's lock to whoever had to wait for his turn for long. */
const leastMs = 1000
/** Changefeeds of several servers that begin at once on a table take turns. */
const longerForOurs = 5

export interface WatchOptions {
  readonly lockDeadlineMs?: number
  /** The log already says that changes of the table are missing. */
  readonly isLossReported?: boolean
  readonly signal?: AbortSignal | undefined
  /** The backend of the session that asked: it may hold the lock itself. */
  readonly askedBy?: number | undefined
  /** Called from time to time with what takes long. */
  readonly progress?: ((what: string) => void) | undefined
  /** Changefeeds of this server that begin at once on a table wait for each other here, rather than for each other's locks. */
  readonly turns?: Turns<number> | undefined
  /** The ingest that reads the source. It knows since when a table is published that a DBA has prepared. */
  readonly ingest?: IngestAtHand | undefined
}

/** Returns true if changes of watched tables were not published until now, and the log does not say so yet. */
export async function watchOne(
  source: SourceConnection,
  connection: RawConnection,
  table: TableToWatch,
  options: WatchOptions & { readonly since: number },
): Promise<boolean> {
  const { isLossReported = false } = options
  const work = async (): Promise<boolean> => {
    await typesAreFree(connection, table)
    return watchBatch(connection, [table], { isWaiting: true, isLossReported })
  }
  return patiently(source, connection, { ...options, table, work })
}

/**
 * Waits for who changes a type of the table, while nothing is locked: the transaction that follows has locked the table when it comes
 * to its types, and does not wait for them. Whoever changes a type may want the table.
 */
async function typesAreFree(connection: RawConnection, { relid }: TableToWatch): Promise<void> {
  const types = call('types_of', { relation: relid })
  // Most tables have no such types, and where many changefeeds begin at once each question is one too many.
  const [used] = await connection.query(`SELECT FROM (SELECT ${types} AS types) AS its WHERE cardinality(types) > 0`)
  if (used === undefined) return
  // To describe a table may mean to print values of its types, for which PostgreSQL locks these for a moment, once in a session.
  await connection.query(
    `SET lock_timeout = '${typeWaitMs}ms'; SELECT ${call('describe', { relation: relid })} IS NULL; SELECT ${call('hold_types', { types: { sql: types }, alone: false })}`,
  )
}

export interface PatientWork<T> extends WatchOptions {
  readonly table: TableToWatch
  /** When whoever wants the table began to wait for it, as Date.now() says it. */
  readonly since: number
  /** A transaction that locks the table, with short waits. */
  readonly work: () => Promise<T>
}

/** Runs a transaction again and again until it gets its locks, or fails with who holds them. */
export async function patiently<T>(
  source: SourceConnection,
  connection: RawConnection,
  { table, work, since, lockDeadlineMs = defaultDeadlineMs, askedBy, progress, signal }: PatientWork<T>,
): Promise<T> {
  const deadline = Math.max(since + lockDeadlineMs, Date.now() + leastMs)
  const reportAt = Date.now() + reportAfterMs
  let isReported = false
  await using watcher = new LockWatcher(source, connection)
  for (;;) {
    try {
      return await watcher.during(work())
    } catch (error) {
      await connection.query('ROLLBACK')
      if (!isLocked(error)) throw error
      const name = async (): Promise<string> => [...(await namesOf(connection, [table])).values()][0] ?? ''
      if (watcher.blockers.some(({ pid }) => pid === askedBy)) throw ownLock(await name())
      if (Date.now() > (isOnlyOurs(watcher) ? deadline + longerForOurs * lockDeadlineMs : deadline))
        throw locked(await name(), { lockDeadlineMs, watcher, error })
      if (!isReported && Date.now() > reportAt) {
        progress?.(`waiting for table ${await name()}, which is in use by ${usersOf(watcher)}`)
        isReported = true
      }
      await delay(lockPauseMs, undefined, { signal })
    }
  }
}

function ownLock(name: string): FeedError {
  return new FeedError(
    'FEED_STATE',
    `table ${name} cannot be locked: the transaction that this changefeed is started in has used it`,
    {
      hint: 'COMMIT or ROLLBACK first, and start the changefeed outside of a transaction (drivers that begin one by themselves have an autocommit mode)',
      sqlstate: '55P03',
    },
  )
}

function isOnlyOurs({ blockers }: LockWatcher): boolean {
  return blockers.length > 0 && blockers.every(({ isOurs }) => isOurs)
}

function usersOf({ blockers }: LockWatcher): string {
  return blockers.length === 0 ? 'other transactions' : blockers.map(({ text }) => text).join('; ')
}

interface Refused {
  readonly lockDeadlineMs: number
  readonly watcher: LockWatcher
  readonly error: FeedError
}

function locked(name: string, { lockDeadlineMs, watcher, error }: Refused): FeedError {
  return new FeedError(
    'FEED_STATE',
    `table ${name} could not be locked within ${lockDeadlineMs / 1000} s: it is in use by ${usersOf(watcher)}`,
    {
      // Our own function says which type it is that is being changed.
      detail: error.message.startsWith('type ') ? error.message : undefined,
      hint: `end the long transactions on it and start the changefeed again; SELECT * FROM pg_locks WHERE relation = ${shownString(name)}::regclass lists them, SELECT pg_terminate_backend(…) ends one by the number of its process`,
      sqlstate: '55P03',
    },
  )
}
