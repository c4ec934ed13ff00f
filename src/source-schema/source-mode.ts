// Decides how a source database is read. 'installed': what source-schema.ts describes is in it. 'prepared': nothing of ours is in it
// but the slot; a DBA has made the publication and set the replica identities, with the script that `changefeed setup-sql` prints.
//
// Whether our role may install is found by trying: managed services let roles create event triggers that are no superusers.

import { shownName } from '../core/quote.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { Queries } from '../postgres/queries.ts'
import type { PostgresServer } from '../postgres/source-connection.ts'
import { publication } from './names.ts'
import { hasOurTablesSql, publicationIsOurs, publicationIsPrepared } from './ownership.ts'
import { install, installedSql, maySetTimeout } from './source-schema.ts'

export type SourceMode = 'installed' | 'prepared'

export type MayInstall = Pick<PostgresServer, 'mayInstall'>

/** Returns how the database is read, and installs what is missing for that if our role may. */
export async function readySource(connection: Queries, { mayInstall }: MayInstall): Promise<SourceMode> {
  const [row] = await connection.query(factsSql())
  const [isInstalled, owner, isMarked, mayCreate, database = '', role = '', isStandby, installer, mayUse] = row ?? []
  if (isStandby === 't') throw onStandby(database ?? '')
  if (installer != null) {
    if (mayInstall === false) throw installedAlready(database ?? '')
    if (mayUse !== 't') throw installedForOthers(database ?? '', role ?? '', installer)
    if (installer !== role && (await setsTimeout(connection)) && !(await maySetTimeout(connection))) {
      throw mayNotSetTimeout(role ?? '', installer)
    }
  }
  if (isInstalled === 't') return 'installed'
  const isPrepared = mayInstall === false || isMarked === 't'
  if (!isPrepared && mayCreate === 't' && (await mayCreateEventTriggers(connection))) {
    await install(connection)
    return 'installed'
  }
  if (owner == null) throw notPrepared(database ?? '', role ?? '')
  return 'prepared'
}

/** How the database is read, where nothing is to be installed any more. */
export async function sourceMode(connection: Queries, { mayInstall }: MayInstall): Promise<SourceMode> {
  if (mayInstall === false) return 'prepared'
  const [row] = await connection.query(`SELECT ${hasOurTablesSql}`)
  return row?.[0] === 't' ? 'installed' : 'prepared'
}

/** Whether a DBA keeps what is read: nothing of ours is in the database, and our role does not put it there. */
export async function isPrepared(connection: Queries, { mayInstall }: MayInstall): Promise<boolean> {
  if (mayInstall === false) return true
  const [row] = await connection.query(
    `SELECT NOT ${hasOurTablesSql} AND (NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
       OR EXISTS (SELECT FROM pg_publication p WHERE p.pubname = '${publication}' AND NOT ${publicationIsOurs}))`,
  )
  return row?.[0] === 't'
}

/** Whether a publication was made by the script that `changefeed setup-sql` prints. Then nothing is installed. */
const factsSql = (): string =>
  `SELECT (${installedSql()}), p.pubowner::text, ${publicationIsPrepared}, has_database_privilege(d.oid, 'CREATE'), d.datname, current_user, pg_is_in_recovery(),
    CASE WHEN ${hasOurTablesSql} THEN (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'changefeed') END,
    has_schema_privilege(to_regnamespace('changefeed'), 'USAGE')
  FROM pg_database d LEFT JOIN pg_publication p ON p.pubname = '${publication}' WHERE d.datname = current_database()`

/** Whether functions that are installed set deadlock_timeout when they are called: those that a superuser has installed do. */
async function setsTimeout(connection: Queries): Promise<boolean> {
  const [row] = await connection.query(
    `SELECT EXISTS (SELECT FROM pg_proc, unnest(proconfig) AS setting WHERE pronamespace = to_regnamespace('changefeed') AND setting LIKE 'deadlock_timeout=%')`,
  )
  return row?.[0] === 't'
}

const undefinedFunction = '42883'
/** No right, a server in recovery, a feature that the server does not have. */
const cannot: ReadonlySet<string> = new Set(['42501', '25006', '0A000'])

/** PostgreSQL checks the right before it looks for the function, which does not exist, so that nothing is ever created. */
export async function mayCreateEventTriggers(connection: Queries): Promise<boolean> {
  try {
    await connection.query(
      'CREATE EVENT TRIGGER pg_changefeed_trial ON ddl_command_end EXECUTE FUNCTION pg_catalog.pg_changefeed_no_such_function()',
    )
  } catch (error) {
    if (!(error instanceof FeedError)) throw error
    if (error.sqlstate === undefinedFunction) return true
    if (cannot.has(error.sqlstate)) return false
    throw error
  }
  return false
}

/** Whether readySource() has found no publication. */
export function isNotPrepared(error: unknown): boolean {
  return error instanceof FeedError && error.code === 'FEED_SOURCE_REFUSED' && error.sqlstate === noPublication
}

const noPublication = '42704'

/** A slot of a standby can be destroyed by a VACUUM of the primary without PostgreSQL saying so, and no mark can be written there. */
function onStandby(database: string): FeedError {
  return new FeedError('FEED_SOURCE_REFUSED', `database "${database}" is on a standby: changefeeds read the primary`, {
    sqlstate: '25006',
    hint: 'name all servers of the cluster in --postgres and add target_session_attrs=read-write: then the primary is found, also after a fail-over',
  })
}

function installedAlready(database: string): FeedError {
  return new FeedError(
    'FEED_START',
    `nothing is to be installed in database "${database}" (--no-install), and it is already`,
    {
      hint: 'start without --no-install; or stop all servers, take it back with changefeed uninstall, and prepare the database with changefeed setup-sql',
    },
  )
}

function installedForOthers(database: string, role: string, owner: string): FeedError {
  return new FeedError(
    'FEED_PRIVILEGE',
    `what changefeeds need is installed in database "${database}" and belongs to role "${owner}": role "${role}" may not use it`,
    {
      hint: `log in as ${owner}; or take it back as ${owner} with changefeed uninstall, and prepare the database for ${role} with changefeed setup-sql`,
    },
  )
}

function mayNotSetTimeout(role: string, owner: string): FeedError {
  return new FeedError(
    'FEED_PRIVILEGE',
    `what changefeeds need in this database was installed by role "${owner}" and sets deadlock_timeout, which role "${role}" may not do`,
    {
      sqlstate: '42501',
      hint: `GRANT SET ON PARAMETER deadlock_timeout TO ${shownName(role)} (PostgreSQL 15 and later); or log in as ${owner}`,
    },
  )
}

function notPrepared(database: string, role: string): FeedError {
  return new FeedError(
    'FEED_SOURCE_REFUSED',
    `database "${database}" is not prepared for changefeeds: publication "${publication}" does not exist`,
    {
      sqlstate: noPublication,
      hint: `role "${role}" creates nothing in it; a superuser runs once what this prints: changefeed setup-sql --postgres=... --role=${role} --tables=...`,
    },
  )
}
