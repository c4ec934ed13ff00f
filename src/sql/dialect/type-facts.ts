// What CockroachDB's type words mean in a session: its default_int_size, and types of the user's that are called string
// or bytes. Asking costs a round trip and makes a statement of its own of what stood in a longer text, so it is asked only
// on a node where something of the kind was ever seen.

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
    // In a failed transaction, say: the statement itself will fail, and says why.
    return plainFacts
  }
}

/** Settings of roles and databases, which their later sessions begin with. */
export const intSizeStoredSql = `SELECT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting, pg_catalog.unnest(setconfig) AS entry WHERE entry LIKE '%default_int_size%')`
/** A type of the user's in this database. */
export const ownTypesSql = `SELECT EXISTS (SELECT FROM pg_catalog.pg_type WHERE typname IN ('string', 'bytes'))`

const makesType =
  /default[-_]int[-_]size|(?:type|domain|table|view|exists|to|into)\s+(?:(?:"[^"]*"|[\w$]+)\s*\.\s*)?"?(?:string|bytes)\b/i

/** Whether a text may be one after which the words mean something else to somebody. */
export function mayChangeTypes(sql: string): boolean {
  return makesType.test(sql)
}
