// Proves with which attributes the composite values of a row were printed. PostgreSQL prints them when it decodes the transaction, at
// its commit, with attributes of any moment between the row and the commit. If they changed then, the number of fields tells
// which they were, provided that no two of them have the same number.

import type { SeenTable } from '../../source-schema/prepared/describe-tables.ts'
import { areOlderThan, between, liveCount, startsOf, type Attributes } from './layouts.ts'
import type { Era } from './table-readings.ts'

export interface Span {
  readonly eras: readonly Era[]
  /** The first era had begun before the row was written. */
  readonly isWhole: boolean
}

/** By the oid of a composite type, the attributes that it may have, or have had; the present ones come first. */
export type AttributesOfTypes = ReadonlyMap<number, readonly Attributes[]>

export type LayoutProof =
  | {
      readonly tag: 'known'
      readonly attributes: AttributesOfTypes
      /** The number of fields must tell which attributes a value has. */
      readonly isByCount: boolean
    }
  | { readonly tag: 'unknown'; readonly what: string }

export interface EarlierFacts {
  /** What the log has of the types. */
  readonly logged: AttributesOfTypes
  /** Transactions before it had ended when the row was written. */
  readonly horizon: number | undefined
}

export interface RowFacts extends EarlierFacts {
  /** The composite types that the row may have. */
  readonly used: readonly number[]
}

export function proveLayouts({ eras, isWhole }: Span, { logged, horizon, used }: RowFacts): LayoutProof {
  const newest = eras.findLast(({ table }) => table !== undefined)?.table
  if (newest === undefined) return { tag: 'unknown', what: 'it was dropped, and uses composite types,' }
  const attributes = new Map<number, readonly Attributes[]>()
  let isByCount = false
  for (const oid of used) {
    if (!newest.layouts.has(oid)) return { tag: 'unknown', what: 'a composite type of it was dropped' }
    const seen = eras.flatMap(({ table }) => {
      const layout = table?.layouts.get(oid)
      return layout === undefined ? [] : [layout.attributes]
    })
    const isKnownFromStart = isWhole && eras[0]?.table?.layouts.has(oid) === true
    const list = candidates(seen, isKnownFromStart ? undefined : { last: logged.get(oid)?.[0], horizon })
    if (list === undefined) return { tag: 'unknown', what: `its type ${nameOf(newest, oid)} was changed` }
    isByCount ||= list.length > 1
    attributes.set(oid, list)
  }
  return { tag: 'known', attributes, isByCount }
}

/** `start`: what is known from before the first reading, if that came after the row. */
function candidates(
  seen: readonly Attributes[],
  start: { readonly last: Attributes | undefined; readonly horizon: number | undefined } | undefined,
): readonly Attributes[] | undefined {
  const first = seen[0] as Attributes
  let found: Attributes[]
  if (start === undefined || (start.horizon !== undefined && areOlderThan(first, start.horizon))) found = [first]
  else {
    const earlier = start.last === undefined ? startsOf(first) : between(start.last, first)
    if (earlier === undefined) return undefined
    found = [...earlier]
  }
  for (const list of seen.slice(1)) {
    const more = between(found.at(-1) as Attributes, list)
    if (more === undefined) return undefined
    found.splice(-1, 1, ...more)
  }
  const counts = new Set(found.map(liveCount))
  return counts.size === found.length ? found.toReversed() : undefined
}

/** What a description says that types had before: for each number of attributes the latest ones. */
export function formerAttributes(
  present: ReadonlyMap<number, { readonly attributes: Attributes }>,
  others: readonly AttributesOfTypes[],
): Map<number, readonly Attributes[]> {
  const former = new Map<number, readonly Attributes[]>()
  for (const [oid, { attributes }] of present) {
    const counts = new Set([liveCount(attributes)])
    const lists: Attributes[] = []
    for (const list of others.flatMap((other) => other.get(oid) ?? [])) {
      if (counts.has(liveCount(list)) || lists.length >= mostFormer) continue
      counts.add(liveCount(list))
      lists.push(list)
    }
    if (lists.length > 0) former.set(oid, lists)
  }
  return former
}

/** A value of a transaction that was open longer than so many changes of its type ends the feeds. */
const mostFormer = 8

function nameOf(table: SeenTable, oid: number): string {
  const type = table.typeFacts.get(oid)
  return type === undefined ? String(oid) : `${type.schema}.${type.name}`
}
