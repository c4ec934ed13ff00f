import { countText, listText } from '../amounts.ts'
import { failure, ok, type TableCheck } from '../finding.ts'
import { tableName } from '../heaps.ts'

export const partitions: TableCheck = {
  id: 'partitions',
  about: 'Each partition is an ordinary table whose changes are in the write-ahead log.',
  judge({ kind, leaves }) {
    if (kind !== 'p') return undefined
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
