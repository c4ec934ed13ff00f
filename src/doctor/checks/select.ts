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
    const schemas = unreadable.filter(({ mayUseSchema }) => !mayUseSchema).map(({ schema }) => shownName(schema))
    const usage = schemas.length === 0 ? '' : `GRANT USAGE ON SCHEMA ${[...new Set(schemas)].join(', ')} TO ${name}; `
    return failure(
      `role ${name} may not read ${listText(names)}`,
      `${usage}GRANT SELECT ON ${names.join(', ')} TO ${name}`,
    )
  },
}
