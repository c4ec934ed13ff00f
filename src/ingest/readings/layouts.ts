// The attributes that a composite type had at different times. PostgreSQL prints a value with the attributes of one of those times,
// and sends nothing when they change; only the number of fields in the text tells which.

import type { AttributeRow } from '../../core/table.ts'

/** Attributes in their order; a dropped one has no name. */
export type Attributes = readonly AttributeRow[]

/**
 * Returns all attributes that a type may have had between two readings, from the earlier one to the later one; undefined: that cannot
 * be told. A renamed attribute is where it was: its value has the new name a moment too early at most.
 */
export function between(was: Attributes, is: Attributes): readonly Attributes[] | undefined {
  const before = new Map(was.map((attribute) => [attribute[0], attribute]))
  const added: AttributeRow[] = []
  const dropped = new Set<number>()
  const addedBy = new Set<number>()
  for (const attribute of is) {
    const [attnum, name, type, xid] = attribute
    const old = before.get(attnum)
    if (old === undefined) {
      // It was added and dropped again, so that there were attributes between that no reading shows.
      if (name === null) return undefined
      added.push(attribute)
      addedBy.add(xid)
    } else if (old[1] !== null && name === null) dropped.add(xid)
    // The type of an attribute that a column uses cannot be changed.
    else if (old[1] !== null && old[2] !== type) return undefined
  }
  if (added.length === 0 && dropped.size === 0) return [is]
  if (dropped.size === 0) return growing(is, is.length - added.length)
  // One transaction has dropped what is gone; what it has not added itself may have come before or after.
  const isOneStep = dropped.size === 1 && (added.length === 0 || (addedBy.size === 1 && dropped.isSupersetOf(addedBy)))
  return isOneStep ? [was, is] : undefined
}

/** Attributes are added at the end: whatever a type without dropped ones had before is the start of what it has. */
export function startsOf(attributes: Attributes): readonly Attributes[] | undefined {
  return attributes.some(([, name]) => name === null) ? undefined : growing(attributes, 1)
}

function growing(attributes: Attributes, first: number): readonly Attributes[] {
  return Array.from({ length: attributes.length - first + 1 }, (_, i) => attributes.slice(0, first + i))
}

export function liveCount(attributes: Attributes): number {
  return attributes.filter(([, name]) => name !== null).length
}

/** Whether every attribute was written by a transaction that had ended before the reading with this horizon. */
export function areOlderThan(attributes: Attributes, horizon: number): boolean {
  return attributes.every(([, , , xid]) => ((xid - horizon) | 0) < 0)
}
