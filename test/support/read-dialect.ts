// For tests: what PostgreSQL is sent for a statement of the dialect.

import { applySplices } from '../../src/sql/splices.ts'
import { readSql, type SqlPiece } from '../../src/sql/sql.ts'
import type { CatalogueQuery, TableFacts } from '../../src/sql/dialect/table-facts.ts'

const show = (): string => 'SELECT 1'

export function readDialect(sql: string): readonly SqlPiece[] | undefined {
  return readSql(sql, { dialect: true, show })
}

/** `facts`: of each table that may be asked for, by its name as asked. */
export async function sent(sql: string, facts: Readonly<Record<string, Partial<TableFacts>>> = {}): Promise<string> {
  const pieces = readDialect(sql)
  if (pieces === undefined) return sql
  const texts = pieces.map(async (piece) => {
    if (piece.tag === 'error') throw piece.error
    if (piece.tag === 'ours') throw new Error(`ours: ${piece.sql}`)
    if (piece.tag === 'forward') return piece.sql
    return applySplices(sql, await piece.findSplices(answering(facts)), piece.start, piece.end)
  })
  return (await Promise.all(texts)).join(';')
}

function answering(facts: Readonly<Record<string, Partial<TableFacts>>>): CatalogueQuery {
  return async (sql) => {
    const name = /to_regclass\(E'(.*)'\)/.exec(sql)?.[1]?.replaceAll("''", "'") ?? ''
    const found = facts[name]
    return found === undefined ? [] : [[JSON.stringify({ columns: [], primaryKey: [], implicitKey: false, ...found })]]
  }
}
