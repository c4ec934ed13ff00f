// Whether our jobs and settings have a place in a database.

import type { Queries } from '../../postgres/queries.ts'

/** The schema of our own state in a PostgreSQL that we did not start. */
export const stateSchema = 'changefeed_state'

export interface StateFacts {
  readonly database: string
  readonly role: string
  readonly hasSchema: boolean
  readonly mayUse: boolean
  readonly mayCreate: boolean
  /** Nothing can be written on a standby. */
  readonly isInRecovery: boolean
}

export async function readState(connection: Queries): Promise<StateFacts> {
  const [row] = await connection.query(`SELECT json_build_object(
    'database', current_database(), 'role', current_user, 'hasSchema', n.oid IS NOT NULL,
    'mayUse', coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'), false),
    'mayCreate', has_database_privilege(current_database(), 'CREATE'), 'isInRecovery', pg_is_in_recovery()
  )::text FROM (SELECT) AS one LEFT JOIN pg_namespace n ON n.nspname = '${stateSchema}'`)
  return JSON.parse(row?.[0] ?? '') as StateFacts
}
