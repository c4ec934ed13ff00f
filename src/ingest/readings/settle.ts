// Finds the description for the rows behind a layout, at the first of them, and writes it into the log. There are two candidates, what held
// before and what a reading after the row shows, and two questions: which of them has the columns of the layout (read-layout.ts), and
// whether the row counts as one of a partitioned table, which a layout does not say.
//
// A row whose table was in the publication only as a partition of one of the two proves of which it was. A table that is, or was, in the
// publication itself, or below another table that is, has rows of both kinds in the log, and between two readings that differ nobody
// knows the moment of the change. After ATTACH such rows are passed over, because the scan of the attached partition reads them; after
// DETACH they end the feeds of the partitioned table.

import type { TableDescription } from '../../core/table.ts'
import type { RelationMessage } from '../../decode/pgoutput/relation.ts'
import { addedAndDropped, catalogueOf } from './catalogue-rows.ts'
import type { Descriptions } from './descriptions.ts'
import type { GatedTable } from './gated-table.ts'
import type { Members } from './members.ts'
import { asPartOf, membershipOf } from './membership.ts'
import { fits, readLayout, type LayoutDecision } from './read-layout.ts'
import type { Era, TableReadings } from './table-readings.ts'

export interface SettleOptions {
  readonly readings: TableReadings
  readonly descriptions: Descriptions
  readonly members: Pick<Members, 'mayHave'>
  /** The first era that is proven for the row, or shows what came after it. */
  readonly era: Era
  /** The position of the row. */
  readonly lsn: number
}

export interface Ended {
  readonly why: string
  /** The partitioned tables whose feeds end with those of the table. */
  readonly relids: readonly number[]
}

/** Settles the table, or returns why that is impossible. */
export function settle(table: GatedTable, options: SettleOptions): Ended | undefined {
  const { readings, descriptions, members, era, lsn } = options
  const { layout } = table
  if (layout === undefined) return undefined
  // What a reading has shown before the row holds for it, unless a later change is in the layout.
  const last = readings.eras(table.relid).findLast(({ since }) => since <= lsn)
  if (last !== undefined && last.since > table.era) descriptions.adopt(table, last)
  const branches = unstableBranches(descriptions, era)
  descriptions.introduceAncestors(era)
  const after = era.table === undefined ? undefined : { ...era.table.description, catalogue: catalogueOf(era.table) }
  const before = table.inForce?.dropped === true ? undefined : table.inForce
  const isPublishedBy = (...relids: readonly number[]): boolean => members.mayHave([table.relid, ...relids], lsn)
  const was = before?.ancestors ?? []
  const is = after?.ancestors ?? []
  // Nobody knows what a table was at last that is gone. Of a member of the publication that nobody has altered it is known that it was none.
  const isGone = after === undefined
  const isNone = before !== undefined || (isPublishedBy() && era.table?.isAltered === false)
  if (was.length === 0 && is.length === 0 && (isGone || !isNone)) {
    const relids = [...readings.relids()].filter((relid) => mayHavePartition(descriptions.table(relid), layout))
    if (relids.length > 0) return { why: 'it may have been a partition, and is none any more,', relids }
  }
  const membership = before === undefined && is.length > 0 ? 'joined' : membershipOf(before, after)
  const joined = is.filter((relid) => !was.includes(relid))
  // It may have been detached together with the tables between it and the root.
  if ((membership === 'left' || (isGone && was.length > 0)) && isPublishedBy(...was.slice(0, -1), ...joined))
    return {
      why: `it was ${isGone ? 'dropped, and may have been ' : ''}detached as a partition`,
      relids: [...was, ...joined, ...table.owedTo],
    }
  const isPassedOver = membership === 'joined' && isPublishedBy(...was, ...(before === undefined ? branches : []))
  if (isPassedOver) {
    table.hasPassedOver = true
    table.owedTo = is
  }
  const decision = readLayout(layout, {
    before,
    after,
    gone: before === undefined || era.table === undefined ? [] : addedAndDropped(before, era.table),
    shapeOf: (oid) => descriptions.shapeOf(oid),
  })
  if (decision.tag === 'unknown') return { why: decision.what, relids: isPassedOver ? was : [...was, ...is] }
  table.phase = 'settled'
  describe(table, decision, { ...options, layout, before, after, isPassedOver, membership })
  return undefined
}

/** The partitioned tables above a table, without the root, that may have become partitions after a row: then it was none of the tables above them. */
function unstableBranches(descriptions: Descriptions, { table: seen }: Era): readonly number[] {
  const ancestors = seen?.description.ancestors ?? []
  return ancestors.slice(0, -1).filter((relid) => {
    const attachedBy = descriptions.table(relid).inForce?.catalogue?.attachedBy
    return attachedBy === undefined || seen?.attachedBy.endsWith(`,${attachedBy}`) !== true
  })
}

interface Candidates extends SettleOptions {
  readonly layout: RelationMessage
  readonly before: TableDescription | undefined
  readonly after: TableDescription | undefined
  readonly membership: ReturnType<typeof membershipOf>
  readonly isPassedOver: boolean
}

function describe(
  table: GatedTable,
  { by, description }: Extract<LayoutDecision, { tag: 'described' }>,
  { descriptions, era, layout, before, after, membership, isPassedOver }: Candidates,
): void {
  if (membership === 'joined' && !isPassedOver && after !== undefined) {
    // It was a partition already, whatever its columns were.
    const isAfter = by === 'after' || (by === 'before' && fits(layout, after))
    if (isAfter) descriptions.adopt(table, era)
    else descriptions.writeAs(table, era, (seen) => asPartOf(description, seen))
  } else if (by === 'after') {
    if (membership === 'same') descriptions.adopt(table, era)
    else descriptions.writeAs(table, era, (seen) => asBefore(seen, before))
  } else if (by === 'before') {
    if (isPassedOver) descriptions.write(table, description)
  } else {
    const made = {
      ...(isPassedOver ? asPartOf(description, before) : description),
      catalogue: table.inForce?.catalogue,
    }
    const { table: seen } = era
    descriptions.write(
      table,
      seen === undefined ? made : descriptions.withTypes(table, { ...made, seen, at: era.since, also: new Map() }),
    )
  }
}

/** The description with the columns of a reading, and with what the next one is compared with to find out whether rows must be read. */
function asBefore(seen: TableDescription, before: TableDescription | undefined): TableDescription {
  const { catalogue } = seen
  const { file, toast, named, member = catalogue?.member, attachedBy } = before?.catalogue ?? {}
  if (catalogue === undefined || file === undefined) return asPartOf(seen, before)
  return asPartOf({ ...seen, catalogue: { ...catalogue, file, toast, named, member, attachedBy } }, before)
}

/**
 * Whether a table with this layout can have been a partition of another one. They have the same columns, of which some may have been
 * added, dropped or retyped since the row.
 */
function mayHavePartition({ inForce }: GatedTable, { columns }: RelationMessage): boolean {
  if (inForce?.partitioned !== true || inForce.dropped === true) return false
  const names = new Set(columns.map(({ name }) => name))
  const own = new Set(inForce.columns.flatMap(({ name, generated }) => (generated && !names.has(name) ? [] : [name])))
  return names.isSubsetOf(own) || names.isSupersetOf(own)
}
