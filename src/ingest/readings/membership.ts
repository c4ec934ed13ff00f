// Whether a row of a partition counts as one of the partitioned table. A layout does not say it, and between two readings that
// differ in it nobody knows the moment of the change.

import type { TableDescription } from '../../core/table.ts'

export type Membership = 'same' | 'joined' | 'left'

/** How a table has changed between two descriptions; a table that was not known or does not exist has not. */
export function membershipOf(before: TableDescription | undefined, after: TableDescription | undefined): Membership {
  if (before === undefined || before.dropped === true || after === undefined) return 'same'
  const was = before.ancestors ?? []
  const is = after.ancestors ?? []
  if (was.some((relid) => !is.includes(relid))) return 'left'
  if (is.some((relid) => !was.includes(relid))) return 'joined'
  // It was detached and attached again, or so was one of its ancestors.
  const attachedBy = before.catalogue?.attachedBy
  return attachedBy !== undefined && attachedBy !== after.catalogue?.attachedBy ? 'left' : 'same'
}

/** The description as of a partition of the tables of another description; undefined: as of none. */
export function asPartOf(description: TableDescription, other: TableDescription | undefined): TableDescription {
  const { ancestors: _, attached: __, passedOver: ___, ...rest } = description
  const { ancestors, attached } = other ?? {}
  return {
    ...rest,
    ...(ancestors === undefined ? {} : { ancestors }),
    ...(attached === undefined ? {} : { attached }),
  }
}
