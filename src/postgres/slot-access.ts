// How our role can use replication slots. `rolreplication` does not say it: managed services give the right by membership in a role of theirs,
// and a role that is only a member of a role with REPLICATION gets no replication connection, but may use the SQL functions
// after SET ROLE. It is found out by trying, and nothing is created by a trial: it names a slot that does not exist, and
// PostgreSQL checks the right first.

import { quoteName, quoteString, shownName } from '../core/quote.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { Queries } from './queries.ts'

/** Slots are used by SQL functions on an ordinary connection; `role`: after SET ROLE. */
export interface SlotFunctions {
  readonly role: string | undefined
  /** The statements that are missing before all functions may be executed. */
  readonly grants: readonly string[]
}

const noRight = '42501'
const noSuchSlot = 'pg_changefeed_no_such_slot'
const trialFunction = 'pg_drop_replication_slot'
/** Executed after SET ROLE. */
const slotFunctions = [
  trialFunction,
  'pg_create_logical_replication_slot',
  'pg_logical_slot_peek_binary_changes',
  'pg_replication_slot_advance',
]
/** Executed as the role that logs in: for positions and for snapshots. */
const otherFunctions = [
  'pg_control_system',
  'pg_current_snapshot',
  'pg_current_wal_flush_lsn',
  'pg_current_wal_insert_lsn',
  'pg_current_wal_lsn',
  'pg_current_xact_id',
  'pg_export_snapshot',
  'pg_snapshot_xip',
  'pg_snapshot_xmin',
  'pg_walfile_name',
]

/** A role that is no superuser is taken first. */
const rolesSql = `SELECT rolname FROM pg_roles WHERE rolreplication AND rolname <> current_user AND pg_has_role(current_user, oid, 'MEMBER') ORDER BY rolsuper, rolname`

/** Whether PostgreSQL has refused something for the rights of the role, such as a connection for replication. */
export function isNoRight(error: unknown): boolean {
  return error instanceof FeedError && error.sqlstate === noRight
}

/** Returns undefined if our role may not use slots by functions either. `connection` is an ordinary one. */
export async function findSlotFunctions(connection: Queries): Promise<SlotFunctions | undefined> {
  const roles = (await connection.query(rolesSql)).flatMap(([role]) => (role == null ? [] : [role]))
  let lacking: SlotFunctions | undefined
  for (const role of [undefined, ...roles]) {
    const lacks = await lackingFunctions(connection, role)
    // The trial calls one of the functions; where that one is taken away, REPLICATION says the same.
    const isTried = !lacks.some(({ name }) => name === trialFunction)
    if (isTried ? !(await mayUse(connection, role)) : role === undefined) continue
    if (lacks.length === 0) return { role, grants: [] }
    lacking ??= { role, grants: lacks.map(({ grant }) => grant) }
  }
  return lacking
}

interface LackingFunction {
  readonly name: string
  readonly grant: string
}

/** Anybody may execute them, unless a DBA has taken that away. */
async function lackingFunctions(connection: Queries, role: string | undefined): Promise<LackingFunction[]> {
  const who = role === undefined ? 'current_user' : quoteString(role)
  const rows = await connection.query(
    `SELECT p.proname, p.oid::regprocedure::text, r.rolname FROM pg_proc p JOIN pg_roles r ON r.rolname = CASE WHEN p.proname = ANY ('{${slotFunctions.join()}}') THEN ${who} ELSE current_user END
     WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY ('{${[...slotFunctions, ...otherFunctions].join()}}') AND NOT has_function_privilege(r.oid, p.oid, 'EXECUTE') ORDER BY 1, 2`,
  )
  return rows.map(([name, signature, grantee]) => ({
    name: name ?? '',
    grant: `GRANT EXECUTE ON FUNCTION ${signature} TO ${shownName(grantee ?? '')}`,
  }))
}

/** Says which functions are taken away; undefined: none. `login` is the role that logs in. */
export function lackOfFunctions(login: string, { grants }: SlotFunctions): FeedError | undefined {
  if (grants.length === 0) return undefined
  const message = `role ${shownName(login)} gets no connection for replication, and some of the SQL functions that read changes instead may not be executed`
  return new FeedError('FEED_SOURCE_REFUSED', message, { sqlstate: noRight, hint: grants.join('; ') })
}

export function setRoleSql({ role }: SlotFunctions): string {
  return role === undefined ? 'RESET ROLE' : `SET ROLE ${quoteName(role)}`
}

/**
 * The trial always fails, which takes back the SET ROLE in front of it; so nobody else's query on the connection runs as the other role. A membership
 * may also have been granted without SET (PostgreSQL 16), which is an error like that of the function.
 */
async function mayUse(connection: Queries, role: string | undefined): Promise<boolean> {
  const before = role === undefined ? '' : `SET LOCAL ROLE ${quoteName(role)}; `
  try {
    await connection.query(`${before}SELECT ${trialFunction}('${noSuchSlot}')`)
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
