import { publication } from '../../source-schema/names.ts'
import { failure, ok, type TableCheck } from '../finding.ts'
import { tableName } from '../heaps.ts'

export const published: TableCheck = {
  id: 'published',
  about: `It is in publication ${publication}, where a DBA has prepared the database.`,
  judge(table, { mode, server: { publications } }) {
    if (mode === 'installed' || publications.every(({ name }) => name !== publication)) return undefined
    const name = `${table.kind === 'p' ? '' : 'ONLY '}${tableName(table)}`
    const add = `ALTER PUBLICATION ${publication} ADD TABLE ${name}`
    if (!table.publications.includes(publication)) return failure(`it is not in publication ${publication}`, add)
    const again = `BEGIN; ALTER PUBLICATION ${publication} DROP TABLE ${name}; ${add}; COMMIT`
    if (table.filteringPublications.includes(publication))
      return failure(`publication ${publication} has only some of its rows`, again)
    if (table.narrowPublications.includes(publication))
      return failure(
        `publication ${publication} has only some of its columns`,
        `${again}; with stored generated columns: ALTER PUBLICATION ${publication} SET (publish_generated_columns = stored)`,
      )
    return ok(`it is in publication ${publication}`)
  },
}
