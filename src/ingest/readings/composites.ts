// Proves with which attributes the composite values of a row were printed. PostgreSQL prints them when it decodes the transaction, at
// its commit, with attributes of any moment between the row and the commit. If they changed then, the number of fields tells
// which they were, provided that no two of them have the same number.

import type { AttributeRow } from '../../core/table.ts'
import type { SeenTable } from '../../source-schema/prepared/describe-tables.ts'
import { areOlderThan, compareAttributes, liveCount, type Attributes } from './layouts.ts'
import type { Era } from './table-readings.ts'

export interface Span {
  readonly eras: readonly Era[]
  /** The first era had begun before the row was written. */
  readonly isWhole: boolean
}

export type AttributesOfTypes = ReadonlyMap<number, readonly Attributes[]>

export type LayoutProof =
  | { readonly tag: 'one' | 'by count'; readonly attributes: AttributesOfTypes }
  | { readonly tag: 'unknown'; readonly what: string }

export interface EarlierFacts {
  /** What the log has of the types: the last one first. */
  readonly logged: AttributesOfTypes
  /** Transactions before it had ended when the row was written. */
  readonly horizon: number | undefined
}

export function proveLayouts({ eras, isWhole }: Span, { logged, horizon }: EarlierFacts): LayoutProof {
  const newest = eras.findLast(({ table }) => table !== undefined)?.table
  if (newest === undefined) return { tag: 'unknown', what: 'it was dropped, and uses composite types,' }
  const attributes = new Map<number, readonly Attributes[]>()
  let byCount = false
  for (const oid of newest.layouts.keys()) {
    const what = `its type ${nameOf(newest, oid)} was changed`
    const seen: Attributes[] = eras
      .map(({ table }) => table?.layouts.get(oid)?.attributes)
      .filter((list) => list !== undefined)
    const [first] = seen
    if (first === undefined) continue
    const isKnownFromStart = isWhole && eras[0]?.table?.layouts.has(oid) === true
    if (!isKnownFromStart && (horizon === undefined || !areOlderThan(first, horizon))) {
      const last = logged.get(oid)?.[0]
      if (last === undefined) return { tag: 'unknown', what }
      seen.unshift(last)
    }
    const distinct: Attributes[] = [seen[0] as Attributes]
    for (const list of seen.slice(1)) {
      const comparison = compareAttributes(distinct.at(-1) as Attributes, list)
      if (comparison === 'unknown') return { tag: 'unknown', what }
      if (comparison === 'same') distinct[distinct.length - 1] = list
      else distinct.push(list)
    }
    if (new Set(distinct.map(liveCount)).size !== distinct.length) return { tag: 'unknown', what }
    byCount ||= distinct.length > 1
    attributes.set(oid, distinct)
  }
  return { tag: byCount ? 'by count' : 'one', attributes }
}

/** For each type of the table the attributes of other times that have another number, the latest first. */
export function formerAttributes(
  table: SeenTable,
  eras: readonly Era[],
  ...others: readonly AttributesOfTypes[]
): Map<number, readonly (readonly AttributeRow[])[]> {
  const former = new Map<number, readonly Attributes[]>()
  for (const [oid, { attributes }] of table.layouts) {
    const counts = new Set([liveCount(attributes)])
    const lists: Attributes[] = []
    const candidates = [
      ...others.flatMap((map) => map.get(oid) ?? []),
      ...eras.toReversed().flatMap((era) => {
        const list = era.table?.layouts.get(oid)?.attributes
        return list === undefined ? [] : [list]
      }),
    ]
    for (const list of candidates) {
      if (counts.has(liveCount(list)) || lists.length >= mostFormer) continue
      counts.add(liveCount(list))
      lists.push(list)
    }
    if (lists.length > 0) former.set(oid, lists)
  }
  return former
}

const mostFormer = 4

function nameOf(table: SeenTable, oid: number): string {
  const type = table.typeFacts.get(oid)
  return type === undefined ? String(oid) : `${type.schema}.${type.name}`
}
