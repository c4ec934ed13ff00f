// Finds out what CockroachDB's names of types mean in a session: its default_int_size, and types of the user that are called
// string or bytes. The question costs a round trip and splits a text with several statements, so it is asked only if a
// session of this server has ever set default_int_size or made such a type.

import { intSizeSql } from './int-size.ts'
import type { CatalogueQuery } from './table-facts.ts'
import { plainFacts, type TypeFacts } from './types.ts'

const factsSql = `SELECT ${intSizeSql}, pg_catalog.to_regtype('string') IS NOT NULL, pg_catalog.to_regtype('bytes') IS NOT NULL`

export async function askTypes(query: CatalogueQuery): Promise<TypeFacts> {
  try {
    const [row] = await query(factsSql)
    const [size, string, bytes] = row ?? []
    return {
      intSize: size === '4' ? 4 : size === '8' ? 8 : undefined,
      ownTypes: [...(string === 't' ? ['string'] : []), ...(bytes === 't' ? ['bytes'] : [])],
    }
  } catch {
    // For example in a failed transaction: the statement itself will fail, too, and PostgreSQL reports why.
    return plainFacts
  }
}

/** Whether a role or a database has the setting, with which its later sessions start. */
export const intSizeStoredSql = `SELECT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting, pg_catalog.unnest(setconfig) AS entry WHERE entry LIKE '%default_int_size%')`
/** Whether this database has a type of the user with one of the names. */
export const ownTypesSql = `SELECT EXISTS (SELECT FROM pg_catalog.pg_type WHERE typname IN ('string', 'bytes'))`

const makesType =
  /default[-_]int[-_]size|(?:type|domain|table|view|exists|to|into)\s+(?:(?:"[^"]*"|[\w$]+)\s*\.\s*)?"?(?:string|bytes)\b/i

/** Returns whether a statement may change what the names mean in some session. */
export function mayChangeTypes(sql: string): boolean {
  return makesType.test(sql)
}
