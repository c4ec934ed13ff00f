// How our role can use replication slots. `rolreplication` does not say it: managed services give the right by membership in a role of theirs,
// and a role that is only a member of a role with REPLICATION gets no replication connection, but may use the SQL functions
// after SET ROLE. It is found out by trying, and nothing is created by a trial: it names a slot that does not exist, and
// PostgreSQL checks the right first.

import { quoteName, shownName } from '../core/quote.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { Queries } from './queries.ts'

/** Slots are used by SQL functions on an ordinary connection; `role`: after SET ROLE. */
export interface SlotFunctions {
  readonly role: string | undefined
}

const noRight = '42501'
const noSuchSlot = 'pg_changefeed_no_such_slot'

/** A role that is no superuser is taken first. */
const rolesSql = `SELECT rolname FROM pg_roles WHERE rolreplication AND rolname <> current_user AND pg_has_role(current_user, oid, 'MEMBER') ORDER BY rolsuper, rolname`

/** Whether PostgreSQL has refused something for the rights of the role, such as a connection for replication. */
export function isNoRight(error: unknown): boolean {
  return error instanceof FeedError && error.sqlstate === noRight
}

/** Returns undefined if our role may not use the functions either. `connection` is an ordinary one. */
export async function findSlotFunctions(connection: Queries): Promise<SlotFunctions | undefined> {
  if (await mayUse(connection)) return { role: undefined }
  for (const [role] of await connection.query(rolesSql)) {
    if (role != null && (await mayUse(connection, `SET LOCAL ROLE ${quoteName(role)}; `))) return { role }
  }
  return undefined
}

export function setRoleSql({ role }: SlotFunctions): string {
  return role === undefined ? 'RESET ROLE' : `SET ROLE ${quoteName(role)}`
}

/** It always fails, which takes back the SET ROLE in front of it; so nobody else's query on the connection runs as the other role. */
const trialSql = `SELECT pg_drop_replication_slot('${noSuchSlot}')`

/** A membership may also have been granted without SET (PostgreSQL 16), which is an error like that of the function. */
async function mayUse(connection: Queries, before = ''): Promise<boolean> {
  try {
    await connection.query(`${before}${trialSql}`)
    return true
  } catch (error) {
    if (!(error instanceof FeedError) || error.code !== 'FEED_SOURCE_REFUSED') throw error
    return error.sqlstate !== noRight
  }
}

/** Says that a role reads in this way, and what that means. */
export function readsByFunctions(login: string, { role }: SlotFunctions): string {
  const after = role === undefined ? '' : ` after SET ROLE ${shownName(role)}`
  return `role ${shownName(login)} gets no connection for replication, so changes are read by SQL functions${after}: they come later, and cost PostgreSQL more`
}
