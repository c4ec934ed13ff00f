import { publication } from '../../source-schema/names.ts'
import { listText } from '../amounts.ts'
import { shownName } from '../../core/quote.ts'
import { failure, ok, warning, type TableCheck } from '../finding.ts'
import { heapsOf, isOrGetsFull, tableName } from '../heaps.ts'

export const otherPublications: TableCheck = {
  id: 'other_publications',
  about: "No other publication makes the application's UPDATEs and DELETEs fail.",
  judge(table, { server: { publications }, diff }) {
    const narrow = table.narrowPublications.filter((name) => name !== publication)
    if (narrow.length > 0 && isOrGetsFull(table, diff))
      return failure(
        `publication ${listText(narrow)} has only some of its columns: with REPLICA IDENTITY FULL, PostgreSQL refuses UPDATE and DELETE of it`,
        `publish all of its columns: ALTER PUBLICATION ${shownName(narrow[0] ?? '')} DROP TABLE ${tableName(table)}, then ADD TABLE without a list, and with publish_generated_columns = stored (PostgreSQL 18)`,
      )
    const others = table.publications.filter((name) => name !== publication)
    if (others.length === 0) return ok('no other publication has it')
    const changing = others.filter((name) =>
      publications.some((one) => one.name === name && (one.update || one.delete)),
    )
    const without = heapsOf(table).filter(
      ({ identity, hasPrimaryKey, deferrableKey }) =>
        identity === 'n' || (identity === 'd' && (!hasPrimaryKey || deferrableKey)),
    )
    if (changing.length === 0 || without.length === 0) return ok(`other publications with it: ${listText(others)}`)
    return warning(
      `publication ${listText(changing)} has it, and ${listText(without.map(tableName))} has no replica identity: PostgreSQL refuses UPDATE and DELETE of it`,
      `ALTER TABLE ${tableName(without[0] ?? table)} REPLICA IDENTITY FULL`,
    )
  },
}
