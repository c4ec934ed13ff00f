import { failure, ok, type TableCheck } from '../finding.ts'
import { tableName } from '../heaps.ts'

/** Where the rows come from that somebody wants to follow. */
const instead: Readonly<Record<string, string>> = {
  S: 'name the tables whose columns take their values from it',
  f: 'start the changefeed where its rows are, in the other database',
  i: 'name its table',
  I: 'name its table',
  c: 'name the tables that have columns of it',
}

const kinds: Readonly<Record<string, string>> = {
  v: 'a view',
  m: 'a materialized view',
  S: 'a sequence',
  f: 'a foreign table',
  i: 'an index',
  I: 'an index',
  c: 'a composite type',
  t: 'a TOAST table',
}

export const tableKind: TableCheck = {
  id: 'table',
  about: 'It is an ordinary or partitioned table whose changes are in the write-ahead log.',
  judge(table) {
    const { kind, persistence } = table
    const what = kinds[kind]
    if (what !== undefined)
      return failure(
        `it is ${what}: the write-ahead log has no changes of it`,
        instead[kind] ?? 'name the tables behind it',
      )
    if (persistence === 'u')
      return failure(
        'it is unlogged: the write-ahead log has no changes of it',
        `ALTER TABLE ${tableName(table)} SET LOGGED`,
      )
    if (persistence === 't') return failure('it is a temporary table', 'name an ordinary table')
    if (kind === 'p') return ok('it is a partitioned table: rows of all partitions come under its name')
    if (table.target.isInherited)
      return ok('other tables inherit from it: their rows do not belong to it, and are not read')
    return ok('it is an ordinary table')
  },
}
