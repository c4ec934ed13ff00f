// The key of a table whose replica identity was an index before a changefeed needed it FULL.

import { call } from './call.ts'

const isInstalled = `SELECT to_regproc('changefeed.key_index') IS NOT NULL AND to_regclass('changefeed.watched') IS NOT NULL`

/** Empty: there is none. */
export async function rememberedKey(
  query: (sql: string) => Promise<readonly (readonly (string | null)[])[]>,
  relid: number,
): Promise<readonly string[]> {
  const [row] = await query(isInstalled)
  if (row?.[0] !== 't') return []
  const [described] = await query(`SELECT ${call('describe', { relation: relid })} ->> 'primaryKey'`)
  return JSON.parse(described?.[0] ?? '[]') as readonly string[]
}
