// Reads from the catalogue what a scan needs to know of its targets: the tables that have their rows, which are the leaves of a
// partitioned table, and the descriptions, files and sizes of these.

import { partsOf } from '../core/partitions-of.ts'
import { createHash } from 'node:crypto'
import { quoteName } from '../core/quote.ts'
import type { FeedTarget } from '../core/feed-spec.ts'
import type { TableDescription } from '../core/table.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { call } from '../source-schema/call.ts'
import { describeTables, type DescribedTable } from '../source-schema/prepared/describe-tables.ts'
import { sourceMode } from '../source-schema/source-mode.ts'

export interface ScanTarget extends Pick<FeedTarget, 'relid' | 'tableName'> {
  /** The partitions to read of a partitioned table; undefined: all of them. One that is no partition any more is passed over. */
  readonly leaves?: readonly number[] | undefined
}

export interface ScanTable {
  readonly description: TableDescription
  /** The partitioned table whose rows it has, if it is a leaf that is read for that table. */
  readonly root?: TableDescription | undefined
  /** Size in pages of 8 KiB, taken after the snapshot. */
  readonly pages: number
  /** The table's relfilenode; it changes whenever the table is rewritten. */
  readonly file: string
}

export interface TableFacts {
  /** The tables that have the rows of the target: itself, or leaves. */
  readonly tables: readonly ScanTable[]
  /** The same text as long as no DDL changes the target or one of these tables. */
  readonly fingerprint: string
  /** The same text as long as no DDL changes the target, whatever its partitions are. */
  readonly ownFingerprint: string
  /** The composite types that its rows consist of. */
  readonly composites: readonly Composite[]
  /** Nobody keeps the types of its columns from being changed while its rows are read: see type-check.ts. */
  readonly hasFreeTypes: boolean
}

/** A composite type made by users, or the row type of a table. */
export interface Composite {
  readonly type: number
  /** The relation that holds its attributes. ALTER TYPE locks it, and so does for a moment who prints a first value of the type. */
  readonly relation: number
}

interface One extends ScanTable {
  readonly fingerprint: string
  readonly composites: readonly Composite[]
  readonly hasFreeTypes: boolean
}

/** By target. `source` is what the connection is connected to. */
export async function readFacts(
  control: RawConnection,
  source: SourceConnection,
  targets: readonly ScanTarget[],
): Promise<Map<number, TableFacts>> {
  const leaves = await leavesOf(control, targets)
  const relids = [...targets.map(({ relid }) => relid), ...[...leaves.values()].flat()]
  const ones = await readOnes(control, source, relids)
  const facts = new Map<number, TableFacts>()
  for (const { relid, tableName } of targets) {
    const own = ones.get(relid)
    if (own === undefined) throw new FeedError('FEED_DROPPED', `"${tableName}" was dropped`)
    const parts = leaves.get(relid)?.flatMap((leaf) => ones.get(leaf) ?? [])
    facts.set(relid, parts === undefined ? factsOf(own) : factsOfPartitioned(own, parts))
  }
  return facts
}

function factsOf(own: One): TableFacts {
  const { fingerprint, composites, hasFreeTypes } = own
  return { tables: [own], fingerprint, ownFingerprint: fingerprint, composites, hasFreeTypes }
}

function factsOfPartitioned(
  { description: root, fingerprint: own, composites, hasFreeTypes }: One,
  parts: readonly One[],
): TableFacts {
  const hash = createHash('sha256').update(own)
  for (const { fingerprint } of parts) hash.update(fingerprint)
  const tables = parts.map(({ description, pages, file }) => ({ description, root, pages, file }))
  return { tables, fingerprint: hash.digest('hex'), ownFingerprint: own, composites, hasFreeTypes }
}

/** Of all targets, each once. */
export function compositesOf(facts: ReadonlyMap<number, TableFacts>): readonly Composite[] {
  const found = new Map([...facts.values()].flatMap(({ composites }) => composites.map((one) => [one.type, one])))
  return [...found.values()]
}

/** The leaves that are to be read of each target that is a partitioned table. */
export async function leavesOf(
  control: RawConnection,
  targets: readonly ScanTarget[],
): Promise<ReadonlyMap<number, readonly number[]>> {
  const rows = await control.query(
    `SELECT c.oid::text, p.relid::text FROM pg_class c
     LEFT JOIN LATERAL (SELECT t.relid FROM (${partsOf('c.oid')}) t JOIN pg_class l ON l.oid = t.relid WHERE l.relkind <> 'p') p ON true
     WHERE c.relkind = 'p' AND c.oid IN (${targets.map(({ relid }) => relid).join(', ')}) ORDER BY c.oid, p.relid`,
  )
  const wanted = new Map(targets.map(({ relid, leaves }) => [relid, leaves && new Set(leaves)]))
  const found = new Map<number, number[]>()
  for (const [oid, leaf] of rows) {
    const root = Number(oid)
    let list = found.get(root)
    if (list === undefined) found.set(root, (list = []))
    // A partitioned table without partitions has one row without a leaf.
    if (leaf !== null && wanted.get(root)?.has(Number(leaf)) !== false) list.push(Number(leaf))
  }
  return found
}

async function readOnes(
  control: RawConnection,
  source: SourceConnection,
  relids: readonly number[],
): Promise<ReadonlyMap<number, One>> {
  const isInstalled = (await sourceMode(control, source)) === 'installed'
  const tables = await (isInstalled ? installed : describeTables)(control, relids)
  const composites = await compositesAmong(
    control,
    [...tables.values()].flatMap(({ types }) => types),
  )
  const rows = await control.query(
    `SELECT oid::text, pg_relation_filenode(oid)::text, (pg_relation_size(oid) / current_setting('block_size')::int)::text FROM pg_class WHERE oid IN (${relids.join(', ')})`,
  )
  const ones = new Map<number, One>()
  for (const [oid, file, pages] of rows) {
    const table = tables.get(Number(oid))
    if (table === undefined) continue
    const { description, fingerprint, types } = table
    ones.set(Number(oid), {
      description,
      pages: Number(pages),
      file: file ?? '',
      fingerprint: `${file} ${fingerprint}`,
      composites: types.flatMap((type) => composites.get(type) ?? []),
      // Our functions hold the types while rows are read.
      hasFreeTypes: !isInstalled && types.length > 0,
    })
  }
  return ones
}

async function compositesAmong(
  control: RawConnection,
  types: readonly number[],
): Promise<ReadonlyMap<number, Composite>> {
  if (types.length === 0) return new Map()
  const rows = await control.query(
    `SELECT oid::text, typrelid::text FROM pg_type WHERE typrelid <> 0 AND oid IN (${[...new Set(types)].join(', ')})`,
  )
  return new Map(rows.map(([type, relation]) => [Number(type), { type: Number(type), relation: Number(relation) }]))
}

/** Tables as our functions describe them. */
async function installed(
  control: RawConnection,
  relids: readonly number[],
): Promise<ReadonlyMap<number, DescribedTable>> {
  const rows = await control.query(
    `SELECT oid::text, ${call('describe', { relation: { sql: 'oid' } })}::text, ${call('types_of', { relation: { sql: 'oid' } })}::text FROM pg_class WHERE oid IN (${relids.join(', ')})`,
  )
  return new Map(
    rows.map(([oid, description, types]) => {
      const table = JSON.parse(description ?? '') as TableDescription
      return [Number(oid), { description: table, fingerprint: description ?? '', types: oidsOf(types ?? '{}') }]
    }),
  )
}

/** Reads an array of numbers. */
function oidsOf(text: string): readonly number[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',').map(Number)
}

export function qualified({ schema, name }: TableDescription): string {
  return `${quoteName(schema)}.${quoteName(name)}`
}
