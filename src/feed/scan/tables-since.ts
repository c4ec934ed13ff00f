// What the log says of the tables of a feed between two times, when a scan moves from one to the other: the changes in
// between are emitted as if no schema change was among them, so the scan has to read the tables again that one has changed.

import type { Changelog } from '../../changelog/changelog.ts'
import { defaultSchemaChanges, type FeedSpec } from '../../core/feed-spec.ts'
import type { Hlc } from '../../core/hlc.ts'
import type { TableDescription } from '../../core/table.ts'
import { readSchemaChanges, TransactionChanges } from '../follow/schema-changes.ts'
import { significanceOf } from '../follow/significance.ts'
import { stoppedInScan } from '../schema-change/reaction.ts'
import { Partitions } from '../transaction/partitions.ts'
import { LogSpan } from './log-span.ts'
import { NetChanges } from './net-changes.ts'

export interface TablesSince {
  /** The tables whose rows were changed, as they were before the first such change. */
  readonly changed: ReadonlyMap<number, TableDescription>
  /** The tables that were attached as partitions when they may have had rows, and the targets whose partitions they are. */
  readonly attached: ReadonlyMap<number, number>
  /** All tables as they are at the later time. */
  readonly at: ReadonlyMap<number, TableDescription>
}

export interface TablesSinceOptions {
  readonly log: Changelog
  readonly spec: Pick<FeedSpec, 'targets' | 'schemaChanges'>
  readonly after: Hlc
  readonly through: Hlc
  readonly yieldThread: () => Promise<void>
  readonly signal: AbortSignal
}

/** Throws if the policy of the feed is to stop at one of the changes. */
export async function tablesSince({
  log,
  spec,
  after,
  through,
  yieldThread,
  signal,
}: TablesSinceOptions): Promise<TablesSince> {
  const { events, policy } = spec.schemaChanges ?? defaultSchemaChanges
  const relids = new Set(spec.targets.map(({ relid }) => relid))
  const changed = new Map<number, TableDescription>()
  const attached = new Map<number, number>()
  const partitions = new Partitions(relids)
  using span = new LogSpan({ log, partitions, after, blockDone: yieldThread, signal, onlySchemas: true })
  const { schemas } = span
  const net = new NetChanges(schemas, relids, ({ at: time, before, after: now }) => {
    if (policy !== 'backfill' && policy !== 'stop') return
    const significance = significanceOf({ before, after: now }, events)
    if (policy === 'stop' && significance !== 'none') throw stoppedInScan(time)
    if (significance === 'rows' && !changed.has(now.relid)) changed.set(now.relid, before)
  })
  await span.readThrough(through, (parts) => {
    net.begin(parts)
    const found = new TransactionChanges()
    readSchemaChanges({ schemas, partitions }, parts, found)
    if (policy === 'stop' && found.attached.size > 0) throw stoppedInScan(parts.ts)
    for (const [leaf, root] of found.attached) attached.set(leaf, root)
    parts.applySchemas()
  })
  net.end()
  const at = new Map<number, TableDescription>()
  for (const relid of relids) {
    const description = schemas.description(relid)
    if (description !== undefined) at.set(relid, description)
  }
  return { changed, attached, at }
}
