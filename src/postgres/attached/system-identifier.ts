// What tells one PostgreSQL from another. A standby and a copy have the identifier of what they were made from.

import type { Queries } from '../queries.ts'

/** Returns undefined where a provider does not let our role ask. */
export async function systemIdentifier(connection: Queries): Promise<string | undefined> {
  try {
    return (
      (await connection.query('SELECT system_identifier::text FROM pg_catalog.pg_control_system()'))[0]?.[0] ??
      undefined
    )
  } catch {
    return undefined
  }
}
