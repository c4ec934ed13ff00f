// Takes a partitioned table under watch. The publication has the partitioned table, and the list of watched tables has it and every
// partition. From then on the event triggers see which tables become partitions (source-schema/sql/partitions.sql).
//
// The leaves are taken first, in batches like any tables, so that a bounded number of them is locked at a time. Then one
// transaction, which keeps new partitions away, adds the partitioned table. It finds out whether a leaf is missing: one that was
// added meanwhile, or whose replica identity does not tell rows apart by the key of the partitioned table.
//
// These leaves stay in the publication for themselves: a changefeed of one of them may have begun meanwhile. One that is detached is
// given back like any table that nobody needs (give-back.ts).

import { partsOf } from '../core/partitions-of.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { call } from '../source-schema/call.ts'
import { publication } from '../source-schema/names.ts'
import { beginSql, lockSql } from './lock-tables.ts'
import { describeAgainSql, identitiesSql, mend, namesOf, rememberSql, type TableToWatch } from './watch-batch.ts'

export interface PartitionedOptions {
  readonly connection: RawConnection
  /** The leaves that changefeeds want with certain statements. */
  readonly leaves: readonly TableToWatch[]
  readonly isLossReported: boolean
  /** Takes leaves under watch; returns whether changes of watched tables were not published until now. */
  readonly watchLeaves: (leaves: readonly TableToWatch[]) => Promise<boolean>
  /** Runs a transaction again until it gets its locks. */
  readonly patiently: <T>(table: TableToWatch, work: () => Promise<T>) => Promise<T>
}

interface Member {
  readonly relid: number
  /** Quoted, with the schema. */
  readonly name: string
  readonly isLeaf: boolean
  /** All of its changes are published, and its descriptions. */
  readonly isWatched: boolean
  readonly identity: string
  /** UPDATEs and DELETEs do not log what changefeeds of the partitioned table need. */
  readonly isIncomplete: boolean
  /** It stands in the publication itself. */
  readonly isMember: boolean
}

/** Partitions may come for as long as this is tried. */
const attempts = 20

/** Returns whether changes of watched tables were not published until now, and the log does not say so yet. */
export async function watchPartitioned(root: TableToWatch, options: PartitionedOptions): Promise<boolean> {
  const { connection, watchLeaves, patiently } = options
  const statements = new Map(options.leaves.map((leaf) => [leaf.relid, leaf.statements ?? []]))
  let isLoss = false
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const leaves = (await membersOf(connection, root.relid)).filter(({ isLeaf }) => isLeaf)
    const missing = leaves.filter(
      ({ relid, isWatched, identity }) => !isWatched || (identity !== 'f' && (statements.get(relid) ?? []).length > 0),
    )
    if (missing.length > 0) {
      const wanted = missing.map(({ relid }) => ({ relid, leafOf: root.relid, statements: statements.get(relid) }))
      isLoss = (await watchLeaves(wanted)) || isLoss
    }
    const done = await patiently(root, () => addRoot(root, options))
    if (done.tag === 'watched') return done.isLoss || isLoss
    for (const { relid, name } of done.incomplete)
      statements.set(relid, [`ALTER TABLE ONLY ${name} REPLICA IDENTITY FULL`])
  }
  throw new FeedError(
    'FEED_STATE',
    `the partitions of a table changed during each of ${attempts} attempts to watch it`,
    {
      hint: 'start the changefeed again when no partitions are being created',
    },
  )
}

type Added =
  | { readonly tag: 'watched'; readonly isLoss: boolean }
  /** Leaves must be taken under watch first, these with REPLICA IDENTITY FULL. */
  | { readonly tag: 'missing'; readonly incomplete: readonly Member[] }

async function addRoot({ relid, statements = [] }: TableToWatch, options: PartitionedOptions): Promise<Added> {
  const { connection, isLossReported } = options
  await connection.query(beginSql)
  // CREATE TABLE … PARTITION OF, ATTACH and DETACH take the same lock.
  const mode = statements.length > 0 ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE'
  const names = await namesOf(connection, [{ relid }])
  await connection.query(lockSql([...names.values()], mode, true))
  const before = await membersOf(connection, relid)
  const root = before.find((member) => member.relid === relid)
  if (root === undefined) throw new FeedError('FEED_NO_TABLE', `the table with oid ${relid} does not exist any more`)
  const middle = before.filter((member) => !member.isLeaf && member !== root)
  await connection.query(
    lockSql(
      middle.map(({ name }) => name),
      'SHARE UPDATE EXCLUSIVE',
      false,
    ),
  )
  const identities = statements.length > 0 ? await connection.query(identitiesSql([relid])) : []
  if (statements.length > 0) await connection.query(statements.join('; '))
  const relations = [root, ...middle].map((member) => member.relid)
  const isLoss = await mend(connection, relations, isLossReported)
  if (!root.isMember) await connection.query(`ALTER PUBLICATION ${publication} ADD TABLE ONLY ${root.name}`)
  await connection.query(
    `SELECT ${call('register', { relation: { sql: 'relid' } })} FROM unnest('{${relations.join(', ')}}'::oid[]) AS t (relid); UPDATE changefeed.watched SET needed_at = clock_timestamp() WHERE relid IN (${relations.join(', ')})`,
  )
  if (identities.length > 0) await connection.query(`${rememberSql(identities)}; ${describeAgainSql(String(relid))}`)
  const now = await membersOf(connection, relid)
  const isMissing = now.some((member) =>
    member.isLeaf ? !member.isWatched || member.isIncomplete : !relations.includes(member.relid),
  )
  if (isMissing) {
    await connection.query('ROLLBACK')
    return { tag: 'missing', incomplete: now.filter(({ isLeaf, isIncomplete }) => isLeaf && isIncomplete) }
  }
  await connection.query('COMMIT')
  return { tag: 'watched', isLoss }
}

/** The table itself and all of its partitions. */
async function membersOf(connection: RawConnection, root: number): Promise<readonly Member[]> {
  const published = call('published_among', { relations: { sql: 'ARRAY(SELECT relid FROM tree)' } })
  const rows = await connection.query(
    `WITH tree AS MATERIALIZED (${partsOf(`${root}::oid`)})
     SELECT t.relid::text, format('%I.%I', n.nspname, c.relname), c.relkind <> 'p', w.relid IS NOT NULL AND t.relid IN (SELECT ${published}), c.relreplident,
       c.relkind <> 'p' AND ${call('is_incomplete', { relation: { sql: 't.relid' } })},
       EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = '${publication}' AND r.prrelid = t.relid)
     FROM tree t JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN changefeed.watched w ON w.relid = t.relid ORDER BY t.relid`,
  )
  return rows.map(([relid, name, isLeaf, isWatched, identity, isIncomplete, isMember]) => ({
    relid: Number(relid),
    name: name ?? '',
    isLeaf: isLeaf === 't',
    isWatched: isWatched === 't',
    identity: identity ?? '',
    isIncomplete: isIncomplete === 't',
    isMember: isMember === 't',
  }))
}
