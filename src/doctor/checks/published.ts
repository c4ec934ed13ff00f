import { publication } from '../../source-schema/names.ts'
import { failure, ok, type TableCheck } from '../finding.ts'
import { tableName } from '../heaps.ts'

export const published: TableCheck = {
  id: 'published',
  about: `It is in publication ${publication}, where a DBA has prepared the database.`,
  judge(table, { mode, server: { publications } }) {
    if (mode === 'installed' || publications.every(({ name }) => name !== publication)) return undefined
    if (table.publications.includes(publication)) return ok(`it is in publication ${publication}`)
    return failure(
      `it is not in publication ${publication}`,
      `ALTER PUBLICATION ${publication} ADD TABLE ${table.kind === 'p' ? '' : 'ONLY '}${tableName(table)}`,
    )
  },
}
