import { countText, listText } from '../amounts.ts'
import { failure, ok, type TableCheck } from '../finding.ts'
import { tableName } from '../heaps.ts'

/** From here on decoding notices that a table has become a partition. */
const seesAttached = 150_000

export const partitions: TableCheck = {
  id: 'partitions',
  about: 'Each partition is an ordinary table whose changes are in the write-ahead log.',
  judge({ kind, leaves }, { mode, server: { version } }) {
    if (kind !== 'p') return undefined
    if (mode === 'prepared' && version < seesAttached)
      return failure(
        'PostgreSQL 14 may lose rows of partitions that are attached, where no event triggers of ours are installed',
        'name its partitions as targets; or let a superuser start the server once without --no-install; or upgrade to PostgreSQL 15 or later',
      )
    const foreign = leaves.filter((leaf) => leaf.kind === 'f').map(tableName)
    if (foreign.length > 0)
      return failure(
        `partitions are foreign tables, whose changes are not in the write-ahead log: ${listText(foreign)}`,
        'name the other partitions as targets, each by itself',
      )
    const unlogged = leaves.filter(({ persistence }) => persistence === 'u').map(tableName)
    if (unlogged.length > 0)
      return failure(
        `partitions are unlogged, so that their changes are not in the write-ahead log: ${listText(unlogged)}`,
        unlogged.map((name) => `ALTER TABLE ${name} SET LOGGED`).join('; '),
      )
    return ok(countText(leaves.length, 'partition'))
  },
}
