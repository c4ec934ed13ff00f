import { shownName } from '../../core/quote.ts'
import { listText } from '../amounts.ts'
import { failure, ok, type TableCheck } from '../finding.ts'
import { tableName } from '../heaps.ts'

export const rowSecurity: TableCheck = {
  id: 'row_security',
  about:
    'Row-level security hides no rows from our role: an initial scan would lack them, while the stream has all rows.',
  judge(table, { server: { role } }) {
    const hidden = [table, ...table.leaves].filter((heap) => heap.rowSecurity)
    if (hidden.length === 0) return ok('row-level security hides no rows')
    return failure(
      `row-level security of ${listText(hidden.map(tableName))} hides rows from role ${shownName(role)}`,
      `ALTER ROLE ${shownName(role)} BYPASSRLS`,
    )
  },
}
