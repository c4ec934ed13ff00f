// Copies the state of a session to its connection to another database: its settings, its role, and the statements that drivers
// prepared, if they can be prepared there too. Temporary tables, cursors, channels, locks and the statements of PREPARE
// are not copied, for they belong to the old database; custom settings (`my.key`) are not either, for PostgreSQL does not list
// them.

import { quoteString } from '../core/quote.ts'
import { parseMessage } from '../wire/frontend-messages.ts'
import type { BackendLink } from './backend-link.ts'

/** Selects the settings of the session. The role comes last, because that role may have no right to set the others. */
const settingsSql = `SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session' AND context IN ('user', 'superuser')
UNION ALL SELECT 'session_authorization', session_user::text
UNION ALL SELECT 'role', pg_catalog.current_setting('role')`

/** Selects the prepared statements whose parameters have built-in types: types of users have other OIDs in other databases. */
const preparedSql = `SELECT name, statement, pg_catalog.array_to_string(parameter_types::pg_catalog.oid[], ',')
FROM pg_catalog.pg_prepared_statements WHERE NOT from_sql AND 16384 > ALL (parameter_types::pg_catalog.oid[])`

/** Copies the state of a session. Throws if PostgreSQL refuses a setting, or a connection ends. */
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
      // A statement on a table that the other database does not have is left out; using the statement fails later.
      if (to.isOver) throw error
    }
  }
}
