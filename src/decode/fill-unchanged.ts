// Completes a row whose out-of-line values an UPDATE left alone from the whole old row: borders only, nothing is copied,
// since both lie in the same message.

import { kind, type RowView } from '../core/row-view.ts'

/** False: the old row does not hold them either. */
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
