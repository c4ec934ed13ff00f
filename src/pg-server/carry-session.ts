// What a session takes along to another database: its settings, its role, and the statements that drivers prepared in
// it, as far as they can be prepared there too. What belongs to the database left behind stays there: temporary tables,
// cursors, channels, locks, and the statements of PREPARE; so do settings that no server knows (`my.key`), which it does
// not list.

import { quoteString } from '../core/quote.ts'
import { parseMessage } from '../wire/frontend-messages.ts'
import type { BackendLink } from './backend-link.ts'

/** The role comes last: it may not be allowed to set the others. */
const settingsSql = `SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session' AND context IN ('user', 'superuser')
UNION ALL SELECT 'session_authorization', session_user::text
UNION ALL SELECT 'role', pg_catalog.current_setting('role')`

/** Types of users have other numbers elsewhere. */
const preparedSql = `SELECT name, statement, pg_catalog.array_to_string(parameter_types::pg_catalog.oid[], ',')
FROM pg_catalog.pg_prepared_statements WHERE NOT from_sql AND 16384 > ALL (parameter_types::pg_catalog.oid[])`

/** Throws when a setting is refused there, or the connection breaks. */
export async function carrySession(from: BackendLink, to: BackendLink): Promise<void> {
  const settings = (await from.query(settingsSql)).map(
    ([name, value]) => `(${quoteString(name ?? '')}, ${quoteString(value ?? '')})`,
  )
  await to.query(
    `SELECT pg_catalog.set_config(name, value, false) FROM (VALUES ${settings.join(', ')}) AS s (name, value)`,
  )
  for (const [name, sql, types] of await from.query(preparedSql)) {
    const numbers = types === '' ? [] : (types ?? '').split(',').map(Number)
    try {
      await to.synchronize(parseMessage({ name: name ?? '', sql: sql ?? '', types: numbers }))
    } catch (error) {
      // It speaks of what is not there, and is missing when it is asked for.
      if (to.isOver) throw error
    }
  }
}
