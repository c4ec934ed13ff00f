// Takes tables under watch: their changes are published from one exact point on, and their descriptions are in the log
// before their first rows. A lock waits for the transactions that write to a table and holds off new ones, for
// milliseconds: without it rows of open transactions would leak in or out. A table already watched costs no lock.
//
// Many tables are taken in batches, each a transaction of its own that holds a bounded number of locks for a short time.

import { setTimeout as delay } from 'node:timers/promises'
import { wallOfPgMicros, type Hlc } from '../core/hlc.ts'
import { FeedError } from '../errors/feed-error.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { install } from './install-sql.ts'
import { isLocked, LockWatcher } from './lock-tables.ts'
import { namesOf, watchBatch } from './watch-batch.ts'

export interface TableToWatch {
  readonly relid: number
  /**
   * What must be done to the table first, under its lock, for example ALTER TABLE … REPLICA IDENTITY FULL. Not done
   * again where the table is watched already with the identity it needs.
   */
  readonly statements?: readonly string[] | undefined
}

const lockPauseMs = 100
const defaultDeadlineMs = 10_000
/** Tables that are locked at a time. */
const batchTables = 32
/** Ingest looks every few seconds. */
const lossTold = { everyMs: 100, withinMs: 15_000 }
const tellMs = { first: 1500, again: 5000 }

export interface WatchOptions {
  readonly lockDeadlineMs?: number
  /** The log says already that changes of these tables are missing. */
  readonly isLossTold?: boolean
  readonly signal?: AbortSignal | undefined
  /** The process of PostgreSQL that whoever asked is connected to: it must not be in the way itself. */
  readonly askedBy?: number | undefined
  /** Hears, now and then, how far it is, when it takes long. */
  readonly told?: ((progress: string) => void) | undefined
}

/** Gives, per table, since when it has been watched; undefined: not known any more. */
export async function watchTables(
  source: SourceConnection,
  tables: readonly TableToWatch[],
  options: WatchOptions = {},
): Promise<ReadonlyMap<number, Hlc | undefined>> {
  const { signal, told, isLossTold = false } = options
  if (tables.length === 0) return new Map()
  signal?.throwIfAborted()
  const connection = await openRawConnection({ source })
  // A backend that waits for a lock does not notice that nobody waits for it any more.
  const leave = (): void => {
    void connection.cancel()
    connection.destroy()
  }
  signal?.addEventListener('abort', leave)
  try {
    signal?.throwIfAborted()
    await install(connection)
    const missing = await notAsWanted(connection, tables)
    const batches: (readonly TableToWatch[])[] = []
    for (let at = 0; at < missing.length; at += batchTables) batches.push(missing.slice(at, at + batchTables))
    batches.reverse()
    let isLoss = false
    let done = 0
    let tellAt = Date.now() + tellMs.first
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
      if (Date.now() > tellAt) {
        told?.(`taking tables under watch, ${done} of ${missing.length} so far`)
        tellAt = Date.now() + tellMs.again
      }
      const outcome =
        batch.length === 1
          ? await watchOne(source, connection, batch, options)
          : await tryBatch(connection, batch, isLossTold)
      if (outcome === 'locked') {
        // What is free does not wait for what is not.
        const half = Math.ceil(batch.length / 2)
        batches.push(batch.slice(half), batch.slice(0, half))
        continue
      }
      done += batch.length
      if (outcome === 'loss') isLoss = true
    }
    if (isLoss) await lossIsTold(connection)
    return await watchedSince(connection, tables)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', leave)
    await connection.close()
  }
}

/** A feed that starts before the gap is in the log would end there. */
async function lossIsTold(connection: RawConnection): Promise<void> {
  const deadline = Date.now() + lossTold.withinMs
  while (Date.now() < deadline) {
    const [row] = await connection.query('SELECT seen = token FROM changefeed.source')
    if (row?.[0] === 't') return
    await delay(lossTold.everyMs)
  }
}

/**
 * Taken while tables are given back, so that whoever finds a table watched knows that it stays so: it must be known to
 * be needed before it is asked for here.
 */
export const watchingLock = `hashtext('pg_changefeed watched')`

/** In the order of their oids, in which everybody locks them. */
async function notAsWanted(
  connection: RawConnection,
  tables: readonly TableToWatch[],
): Promise<readonly TableToWatch[]> {
  const rows = await connection.query(
    `BEGIN; SELECT FROM pg_advisory_xact_lock_shared(${watchingLock}); SELECT w.relid::text, c.relreplident FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid WHERE w.relid IN (SELECT changefeed.published()) AND EXISTS (SELECT FROM pg_index WHERE indrelid = w.relid AND indisprimary); COMMIT`,
  )
  const watched = new Map(rows.filter((row) => row.length === 2).map(([relid, identity]) => [Number(relid), identity]))
  return tables
    .filter(({ relid, statements }) => {
      const identity = watched.get(relid)
      return identity === undefined || (statements !== undefined && statements.length > 0 && identity !== 'f')
    })
    .toSorted((a, b) => a.relid - b.relid)
}

type Outcome = 'watched' | 'loss' | 'locked'

async function tryBatch(
  connection: RawConnection,
  batch: readonly TableToWatch[],
  isLossTold: boolean,
): Promise<Outcome> {
  try {
    return (await watchBatch(connection, batch, { isWaiting: false, isLossTold })) ? 'loss' : 'watched'
  } catch (error) {
    await connection.query('ROLLBACK')
    if (!isLocked(error)) throw error
    return 'locked'
  }
}

/** Tries again and again to lock one table, until the deadline. */
async function watchOne(
  source: SourceConnection,
  connection: RawConnection,
  table: readonly TableToWatch[],
  { lockDeadlineMs = defaultDeadlineMs, isLossTold = false, askedBy, signal }: WatchOptions,
): Promise<Outcome> {
  const deadline = Date.now() + lockDeadlineMs
  await using watcher = new LockWatcher(source, connection)
  for (;;) {
    try {
      const isLoss = await watcher.during(watchBatch(connection, table, { isWaiting: true, isLossTold }))
      return isLoss ? 'loss' : 'watched'
    } catch (error) {
      await connection.query('ROLLBACK')
      if (!isLocked(error)) throw error
      const name = async (): Promise<string> => [...(await namesOf(connection, table)).values()][0] ?? ''
      if (watcher.blockers.some(({ pid }) => pid === askedBy)) throw ownLock(await name())
      if (Date.now() > deadline) throw locked(await name(), lockDeadlineMs, watcher)
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

function locked(name: string, lockDeadlineMs: number, { blockers }: LockWatcher): FeedError {
  const who = blockers.length === 0 ? 'other transactions' : blockers.map(({ text }) => text).join('; ')
  return new FeedError(
    'FEED_STATE',
    `table ${name} could not be locked within ${lockDeadlineMs / 1000} s: it is in use by ${who}`,
    {
      hint: `end the long transactions on it and start the changefeed again; SELECT * FROM pg_locks WHERE relation = '${name.replaceAll("'", "''")}'::regclass lists them, SELECT pg_terminate_backend(…) ends one by the number of its process`,
      sqlstate: '55P03',
    },
  )
}

async function watchedSince(
  connection: RawConnection,
  tables: readonly TableToWatch[],
): Promise<ReadonlyMap<number, Hlc | undefined>> {
  // Commit times are kept as long as their transaction ids are, where they are kept at all. The time at which the row was
  // written is good, too: nobody writes to a table between then and the commit.
  const rows = await connection.query(
    `SELECT relid::text, ((extract(epoch FROM coalesce(CASE WHEN current_setting('track_commit_timestamp') = 'on' THEN pg_xact_commit_timestamp(since_xid::xid) END, since)) * 1000000)::bigint - 946684800000000)::text FROM changefeed.watched WHERE relid IN (${tables.map(({ relid }) => relid).join(', ')})`,
  )
  return new Map(
    rows.map(([relid, micros]) => [
      Number(relid),
      micros == null ? undefined : { wall: wallOfPgMicros(BigInt(micros)), logical: 0 },
    ]),
  )
}
