// Completes a row with values that an UPDATE did not change and did not send (TOAST): they are taken from the old row. Only
// offsets are copied, because both rows lie in the same message.

import { kind, type RowView } from '../core/row-view.ts'

/** Returns false if the old row does not contain the values either. */
export function fillUnchanged(row: RowView, old: RowView): boolean {
  for (let i = 0; i < row.count; i++) {
    if (row.kinds[i] !== kind.unchanged) continue
    if (i >= old.count || old.kinds[i] === kind.unchanged) return false
    row.kinds[i] = old.kinds[i] as number
    row.starts[i] = old.starts[i] as number
    row.ends[i] = old.ends[i] as number
  }
  return true
}
