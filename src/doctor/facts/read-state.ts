// Whether our jobs and settings have a place in a database.

import { stateSchema, strangersSql } from '../../postgres/attached/prepare-state.ts'
import type { Queries } from '../../postgres/queries.ts'

export interface StateFacts {
  readonly database: string
  readonly role: string
  readonly hasSchema: boolean
  readonly mayUse: boolean
  readonly mayCreate: boolean
  /** What in the schema belongs to another role, so that a server does not start; undefined: nothing. */
  readonly stranger?: { readonly what: string; readonly owner: string }
  /** Nothing can be written on a standby. */
  readonly isInRecovery: boolean
}

export async function readState(connection: Queries): Promise<StateFacts> {
  const [row] = await connection.query(`SELECT json_build_object(
    'database', current_database(), 'role', current_user, 'hasSchema', n.oid IS NOT NULL,
    'mayUse', coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'), false),
    'mayCreate', has_database_privilege(current_database(), 'CREATE'), 'isInRecovery', pg_is_in_recovery()
  )::text FROM (SELECT) AS one LEFT JOIN pg_namespace n ON n.nspname = '${stateSchema}'`)
  const facts = JSON.parse(row?.[0] ?? '') as StateFacts
  if (!facts.hasSchema) return facts
  const [stranger] = await connection.query(strangersSql('current_user'))
  if (stranger === undefined) return facts
  return { ...facts, stranger: { what: stranger[0] ?? '', owner: stranger[1] ?? '' } }
}
