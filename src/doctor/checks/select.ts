import { shownName } from '../../core/quote.ts'
import { listText } from '../amounts.ts'
import { failure, ok, type TableCheck } from '../finding.ts'
import { heapsOf, tableName } from '../heaps.ts'

export const select: TableCheck = {
  id: 'select',
  about: 'Our role may read it, and each of its partitions: an initial scan reads them one by one.',
  judge(table, { server: { role } }) {
    const name = shownName(role)
    const unreadable = [table, ...table.leaves].filter(({ mayRead }) => !mayRead)
    if (unreadable.length === 0)
      return ok(`role ${name} may read ${heapsOf(table).length > 1 ? 'it and its partitions' : 'it'}`)
    const names = unreadable.map(tableName)
    const schemas = [...new Set(unreadable.map(({ schema }) => shownName(schema)))]
    return failure(
      `role ${name} may not read ${listText(names)}`,
      `GRANT USAGE ON SCHEMA ${schemas.join(', ')} TO ${name}; GRANT SELECT ON ${names.join(', ')} TO ${name}`,
    )
  },
}
