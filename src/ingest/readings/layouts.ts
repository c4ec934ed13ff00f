// The attributes that a composite type had at different times. PostgreSQL prints a value with the attributes of one of those times,
// and sends nothing when they change; only the number of fields in the text tells which.

import type { AttributeRow } from '../../core/table.ts'

/** Attributes in their order; a dropped one has no name. */
export type Attributes = readonly AttributeRow[]

/** `same`: values print alike. `by count`: the number of fields tells which attributes a value was printed with. */
export type Comparison = 'same' | 'by count' | 'unknown'

/** Compares two readings of a type, of which `was` is the earlier one. */
export function compareAttributes(was: Attributes, is: Attributes): Comparison {
  const before = new Map(was.map((attribute) => [attribute[0], attribute]))
  const writers = new Set<number>()
  let isSame = true
  for (const [attnum, name, type, xid] of is) {
    const old = before.get(attnum)
    if (old === undefined) {
      // It was added and dropped again, so that there were other attributes between.
      if (name === null) return 'unknown'
    } else if (old[3] === xid) continue
    // A renamed attribute is where it was: its value has the new name a moment too early at most.
    const isRenamed = old !== undefined && name !== null && old[1] !== null && old[2] === type
    if (!isRenamed) {
      isSame = false
      writers.add(xid)
    }
  }
  if (isSame) return 'same'
  return writers.size === 1 && liveCount(was) !== liveCount(is) ? 'by count' : 'unknown'
}

export function liveCount(attributes: Attributes): number {
  return attributes.filter(([, name]) => name !== null).length
}

/** Whether every attribute was written by a transaction that had ended before the reading with this horizon. */
export function areOlderThan(attributes: Attributes, horizon: number): boolean {
  return attributes.every(([, , , xid]) => ((xid - horizon) | 0) < 0)
}
