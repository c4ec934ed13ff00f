// Takes a table under watch: its changes are published from one exact point on, and its description is in the log before
// its first row. The lock waits for the transactions that write to it and holds off new ones, for milliseconds: without
// it rows of open transactions would leak in or out. A table already watched costs no lock.

import { wallOfPgMicros, type Hlc } from '../core/hlc.ts'
import { FeedError } from '../errors/feed-error.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { publication } from './install-sql.ts'

export interface TableToWatch {
  readonly relid: number
  /** An ALTER TABLE … REPLICA IDENTITY that it needs. */
  readonly identitySql?: string | undefined
}

const lockTimeoutMs = 10_000

/** Gives, per table, since when it has been watched; undefined: not known any more. */
export async function watchTables(
  source: SourceConnection,
  tables: readonly TableToWatch[],
): Promise<ReadonlyMap<number, Hlc | undefined>> {
  const connection = await openRawConnection({ source })
  try {
    for (const table of tables) {
      if (table.identitySql !== undefined || !(await isWatched(connection, table.relid))) await watch(connection, table)
    }
    return await watchedSince(connection, tables)
  } finally {
    await connection.close()
  }
}

async function isWatched(connection: RawConnection, relid: number): Promise<boolean> {
  const rows = await connection.query(
    `SELECT FROM changefeed.watched w WHERE w.relid = ${relid} AND EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = '${publication}' AND r.prrelid = w.relid)`,
  )
  return rows.length > 0
}

async function watch(connection: RawConnection, { relid, identitySql }: TableToWatch): Promise<void> {
  const [row] = await connection.query(
    `SELECT format('%I.%I', nspname, relname), relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = ${relid}`,
  )
  const [name, bare] = row ?? []
  if (name == null || bare == null) throw new FeedError('FEED_NO_TABLE', `the table with oid ${relid} does not exist any more`)
  try {
    await connection.query('BEGIN')
    await connection.query(
      `SELECT set_config('changefeed.internal', 'on', true), set_config('lock_timeout', '${lockTimeoutMs}', true)`,
    )
    await connection.query(`LOCK TABLE ONLY ${name} IN SHARE ROW EXCLUSIVE MODE`)
    if (identitySql !== undefined) await connection.query(identitySql)
    if (!(await isWatched(connection, relid))) {
      const member = await connection.query(
        `SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = '${publication}' AND r.prrelid = ${relid}`,
      )
      if (member.length === 0) await connection.query(`ALTER PUBLICATION ${publication} ADD TABLE ONLY ${name}`)
    }
    await connection.query(`SELECT changefeed.register(${relid})`)
    await connection.query('COMMIT')
  } catch (error) {
    if (error instanceof FeedError && error.sqlstate === '55P03') {
      throw new FeedError('FEED_STATE', `table "${bare}" could not be locked within ${lockTimeoutMs / 1000} s: other transactions are writing to it`, {
        hint: 'end the long transactions on it (SELECT * FROM pg_stat_activity WHERE xact_start < now() - interval \'10 s\') and start the changefeed again',
        sqlstate: '55P03',
      })
    }
    throw error
  }
}

async function watchedSince(
  connection: RawConnection,
  tables: readonly TableToWatch[],
): Promise<ReadonlyMap<number, Hlc | undefined>> {
  // Commit times are kept as long as their transaction ids are; a time that is gone is an old one.
  const rows = await connection.query(
    `SELECT relid::text, ((extract(epoch FROM pg_xact_commit_timestamp(since_xid::text::bigint::text::xid)) * 1000000)::bigint - 946684800000000)::text FROM changefeed.watched WHERE relid IN (${tables.map(({ relid }) => relid).join(', ')})`,
  )
  return new Map(
    rows.map(([relid, micros]) => [Number(relid), micros == null ? undefined : { wall: wallOfPgMicros(BigInt(micros)), logical: 0 }]),
  )
}
