// Takes a table under watch: its changes are published from one exact point on, and its description is in the log before
// its first row. The lock waits for the transactions that write to it and holds off new ones, for milliseconds: without
// it rows of open transactions would leak in or out. A table already watched costs no lock.

import { setTimeout as delay } from 'node:timers/promises'
import { wallOfPgMicros, type Hlc } from '../core/hlc.ts'
import { FeedError } from '../errors/feed-error.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { install, publication } from './install-sql.ts'

export interface TableToWatch {
  readonly relid: number
  /** The ALTER TABLE … REPLICA IDENTITY FULL, when the table needs it. */
  readonly identitySql?: string | undefined
}

/** A lock that waits makes all new writers wait behind it, so it is asked for again and again for a short while. */
const lockWaitMs = 300
const lockPauseMs = 100
const defaultDeadlineMs = 10_000
/** Ingest looks every few seconds. */
const lossTold = { everyMs: 100, withinMs: 15_000 }

export interface WatchOptions {
  readonly lockDeadlineMs?: number
  /** The log says already that changes of these tables are missing. */
  readonly isLossTold?: boolean
}

/** Gives, per table, since when it has been watched; undefined: not known any more. */
export async function watchTables(
  source: SourceConnection,
  tables: readonly TableToWatch[],
  { lockDeadlineMs = defaultDeadlineMs, isLossTold = false }: WatchOptions = {},
): Promise<ReadonlyMap<number, Hlc | undefined>> {
  if (tables.length === 0) return new Map()
  const connection = await openRawConnection({ source })
  try {
    await install(connection)
    let isLoss = false
    for (const table of tables) {
      if (await isAsWanted(connection, table)) continue
      if (await watch(connection, table, { lockDeadlineMs, isLossTold })) isLoss = true
    }
    if (isLoss) await lossIsTold(connection)
    return await watchedSince(connection, tables)
  } finally {
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

async function isAsWanted(connection: RawConnection, { relid, identitySql }: TableToWatch): Promise<boolean> {
  const identity =
    identitySql === undefined ? '' : ` AND EXISTS (SELECT FROM pg_class WHERE oid = w.relid AND relreplident = 'f')`
  const rows = await connection.query(
    `SELECT FROM changefeed.watched w WHERE relid = ${relid} AND changefeed.published(relid)${identity}`,
  )
  return rows.length > 0
}

/** True: changes of watched tables were not published until now, and the log does not say so yet. */
async function watch(
  connection: RawConnection,
  table: TableToWatch,
  options: Required<WatchOptions>,
): Promise<boolean> {
  const { lockDeadlineMs } = options
  const deadline = Date.now() + lockDeadlineMs
  for (;;) {
    try {
      await connection.query('BEGIN')
      const isLoss = await watchNow(connection, table, options.isLossTold)
      await connection.query('COMMIT')
      return isLoss
    } catch (error) {
      await connection.query('ROLLBACK')
      if (!(error instanceof FeedError) || error.sqlstate !== '55P03') throw error
      if (Date.now() > deadline) throw locked(await nameOf(connection, table.relid), lockDeadlineMs)
      await delay(lockPauseMs)
    }
  }
}

async function watchNow(
  connection: RawConnection,
  { relid, identitySql }: TableToWatch,
  isLossTold: boolean,
): Promise<boolean> {
  const name = await nameOf(connection, relid)
  await connection.query(
    `SELECT set_config('changefeed.internal', 'on', true), set_config('lock_timeout', '${lockWaitMs}', true)`,
  )
  // At once the strongest that is needed: two that both hold the weaker one would wait for each other.
  await connection.query(
    `LOCK TABLE ONLY ${name} IN ${identitySql === undefined ? 'SHARE ROW EXCLUSIVE' : 'ACCESS EXCLUSIVE'} MODE`,
  )
  if (identitySql !== undefined) await connection.query(identitySql)
  // Put right in silence, it would never be missed by the feeds that follow these tables.
  const lost = isLossTold ? [] : await connection.query(distrustSql)
  // Watched without being published: its changes were lost, and only what comes now is complete.
  await connection.query(`DELETE FROM changefeed.watched WHERE relid = ${relid} AND NOT changefeed.published(relid)`)
  await connection.query('SELECT changefeed.mend()')
  const [state] = await connection.query(
    `SELECT changefeed.published(${relid}), EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = '${publication}' AND r.prrelid = ${relid})`,
  )
  const [isPublished, isMember] = state ?? []
  if (isPublished !== 't') {
    // A member that is not published whole has a row filter or a column list.
    if (isMember === 't') await connection.query(`ALTER PUBLICATION ${publication} DROP TABLE ONLY ${name}`)
    await connection.query(`ALTER PUBLICATION ${publication} ADD TABLE ONLY ${name}`)
  }
  await connection.query(`SELECT changefeed.register(${relid})`)
  return lost.length > 0
}

const distrustSql = `SELECT changefeed.distrust(format('publication "${publication}" was altered and lost %s: their changes were not published until now', string_agg(name, ', '))) FROM changefeed.lost() HAVING count(*) > 0`

async function nameOf(connection: RawConnection, relid: number): Promise<string> {
  const [row] = await connection.query(
    `SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = ${relid}`,
  )
  const name = row?.[0]
  if (name == null) throw new FeedError('FEED_NO_TABLE', `the table with oid ${relid} does not exist any more`)
  return name
}

function locked(name: string, lockDeadlineMs: number): FeedError {
  return new FeedError(
    'FEED_STATE',
    `table ${name} could not be locked within ${lockDeadlineMs / 1000} s: other transactions are using it`,
    {
      hint: `end the long transactions on it and start the changefeed again; SELECT pid, query FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE relation = '${name.replaceAll("'", "''")}'::regclass lists them`,
      sqlstate: '55P03',
    },
  )
}

async function watchedSince(
  connection: RawConnection,
  tables: readonly TableToWatch[],
): Promise<ReadonlyMap<number, Hlc | undefined>> {
  // Commit times are kept as long as their transaction ids are; a time that is gone is an old one.
  const rows = await connection.query(
    `SELECT relid::text, CASE WHEN current_setting('track_commit_timestamp') = 'on' THEN ((extract(epoch FROM pg_xact_commit_timestamp(since_xid::xid)) * 1000000)::bigint - 946684800000000)::text END FROM changefeed.watched WHERE relid IN (${tables.map(({ relid }) => relid).join(', ')})`,
  )
  return new Map(
    rows.map(([relid, micros]) => [
      Number(relid),
      micros == null ? undefined : { wall: wallOfPgMicros(BigInt(micros)), logical: 0 },
    ]),
  )
}
