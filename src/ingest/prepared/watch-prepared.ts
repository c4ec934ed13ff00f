// Takes tables of a prepared source under watch, which is to check that a DBA has prepared what a changefeed needs. Nothing is
// changed in the database: an error says what the DBA has to run.

import { setTimeout as delay } from 'node:timers/promises'
import type { Changelog } from '../../changelog/changelog.ts'
import { wallOfPgMicros, type Hlc } from '../../core/hlc.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { RawConnection } from '../../postgres/raw-connection.ts'
import { namesOf, type TableToWatch } from '../watch-batch.ts'
import { loggedRows } from './judge-prepared.ts'
import { lacksOfMember, lacksOfUnpublished } from './lacks.ts'
import { describeWriters } from './open-writers.ts'
import { readPrepared, readUnpublished, type MemberFacts, type PreparedFacts } from './prepared-facts.ts'
import { readState } from './prepared-state.ts'
import { notPublished, refusalOf } from './refuse-lacking.ts'

/** The ingest of the source, as the thread that watches tables sees it. */
export interface IngestAtHand {
  readonly log: Pick<Changelog, 'readNote'>
  /** Has ingest look at the source now. */
  readonly checkNow: () => void
}

export interface WatchPreparedOptions {
  /** The tables and partitions that need REPLICA IDENTITY FULL. */
  readonly full: ReadonlySet<number>
  /** Undefined: nobody asks since when the tables are watched. */
  readonly ingest: IngestAtHand | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((what: string) => void) | undefined
}

const everyMs = 50
const progressMs = { first: 1500, again: 5000 }
/** How long ingest may take to look at the source. It is away, or in the middle of a large transaction. */
const ingestMs = 60_000

/** Returns since when all changes of each table are published. */
export async function watchPrepared(
  connection: RawConnection,
  tables: readonly TableToWatch[],
  { full, ingest, signal, progress }: WatchPreparedOptions,
): Promise<ReadonlyMap<number, Hlc | undefined>> {
  const relids = tables.map(({ relid }) => relid)
  const facts = await readPrepared(connection, relids)
  const members = await checkTables(connection, tables, { ...facts, full })
  if (ingest === undefined) return new Map(relids.map((relid) => [relid, undefined]))
  let progressAt = Date.now() + progressMs.first
  const deadline = Date.now() + ingestMs
  for (;;) {
    const since = sinceOf(ingest, facts, members)
    if (since.size === relids.length) return since
    ingest.checkNow()
    await delay(everyMs, undefined, { signal }).catch(() => undefined)
    signal?.throwIfAborted()
    if (Date.now() < progressAt) continue
    progressAt = Date.now() + progressMs.again
    const left = relids.filter((relid) => !since.has(relid))
    const writers = await describeWriters(connection, left)
    if (writers !== undefined) progress?.(`waiting for the end of transactions that write to its tables: ${writers}`)
    else if (Date.now() > deadline)
      throw new FeedError('FEED_SOURCE_DOWN', 'the changes of the database are not being read at present', {
        hint: '/health says why; start the changefeed again when that is over',
      })
  }
}

/** Throws if something is missing. Returns the table by which each table is published: itself, or one of which it is a partition. */
async function checkTables(
  connection: RawConnection,
  tables: readonly TableToWatch[],
  { publication, members, full }: PreparedFacts & Pick<WatchPreparedOptions, 'full'>,
): Promise<ReadonlyMap<number, MemberFacts>> {
  const names = await namesOf(connection, tables)
  await refuseStale(connection, tables)
  const [row] = await connection.query('SELECT quote_ident(current_user)')
  const role = row?.[0] ?? ''
  const found = new Map(members.map((member) => [member.relid, member]))
  const missing = tables.map(({ relid }) => relid).filter((relid) => !found.has(relid))
  if (publication === undefined) throw notPublished([...names.values()])
  const unpublished = missing.length === 0 ? [] : await readUnpublished(connection, missing)
  const wanted = { role, reads: true, full }
  const refused = refusalOf(
    [
      ...members.map((table) => ({ table, lacks: lacksOfMember(table, publication, wanted) })),
      ...unpublished.map((table) => ({ table, lacks: lacksOfUnpublished(table, publication, wanted) })),
    ],
    role,
  )
  if (refused !== undefined) throw refused
  return found
}

/**
 * PostgreSQL 14 goes on decoding by what it knew of a table before it was attached or detached. Only our event triggers can make it
 * look again in the same transaction.
 */
async function refuseStale(connection: RawConnection, tables: readonly TableToWatch[]): Promise<void> {
  const [old] = await connection.query(
    `SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE c.oid IN (${tables.map(({ relid }) => relid).join(', ')}) AND relkind = 'p' AND current_setting('server_version_num')::int < 150000 LIMIT 1`,
  )
  if (old === undefined) return
  throw new FeedError(
    'FEED_UNSUPPORTED',
    `table ${old[0]} is partitioned, and PostgreSQL 14 may lose rows of partitions that are attached`,
    {
      hint: 'name its partitions as targets; or let pg-changefeed install its event triggers, as a superuser without --no-install; or upgrade to PostgreSQL 15 or later',
    },
  )
}

/** Only of tables of which ingest knows what has been found here: otherwise it has yet to see a change of them. */
function sinceOf(
  { log }: IngestAtHand,
  { publication }: PreparedFacts,
  members: ReadonlyMap<number, MemberFacts>,
): ReadonlyMap<number, Hlc> {
  const known = readState(log)
  const since = new Map<number, Hlc>()
  if (known === undefined || known.publication !== publication?.id) return since
  const byId = new Map(Object.values(known.tables).map((table) => [table.id, table]))
  for (const [relid, { id, parts }] of members) {
    const table = known.tables[String(relid)] ?? byId.get(id)
    if (table === undefined || table.id !== id || table.since === undefined) continue
    if (parts.some((part) => table.rows[part.name] !== loggedRows(part))) continue
    since.set(relid, { wall: wallOfPgMicros(BigInt(table.since)), logical: 0 })
  }
  return since
}
