// Translates SHOW statements into SELECTs, which PostgreSQL runs. If the answer of a SHOW depends on the reader, the SELECT is
// made for each reader; otherwise it is the same for everybody.

import { FeedError } from '../../errors/feed-error.ts'
import { showAutomaticJobsSql } from '../../jobs/job-columns.ts'
import { jobsView } from '../../jobs/jobs-view.ts'
import { jobsRelation } from '../../jobs/seen-jobs.ts'
import type { BackendQuery } from '../../pg-server/local-statement.ts'
import type { RunningStatement } from '../../pg-server/running-statements.ts'
import type { SettingName } from '../../settings/known-settings.ts'
import { findSetting } from '../../settings/settings.ts'
import { isSecret, showSetting, showSettings, withoutSecrets, type SettingTexts } from '../../settings/show.ts'
import type { ShowStatement, Statement } from '../../sql/ast.ts'
import { expandShows } from '../../sql/sql.ts'
import type { ServerParts } from '../server-parts.ts'
import { currentReader } from './current-user.ts'
import { showJobsStatementSql } from './show-jobs.ts'
import { showQueriesSql } from './show-queries.ts'
import { showDatabaseSql, showDatabasesSql, showTablesSql, valuesSql } from './show-sql.ts'

export type ShowContext = Pick<ServerParts, 'settings' | 'running' | 'rights' | 'seenJobs' | 'backend'>

/** The user who reads the answer. The SELECT must not contain what this user may not see: the session can read all its text. */
interface Reader {
  readonly isAdmin: boolean
  /** The statements that we run and that the reader may see. */
  readonly statements: readonly RunningStatement[]
}

/** Returns the SELECT that answers a SHOW for every reader; undefined: the answer depends on the reader. */
export function showForAll(
  statement: Statement,
  { settings, seenJobs, backend }: Pick<ShowContext, 'settings' | 'seenJobs' | 'backend'>,
): string | undefined {
  const jobs = seenJobs === undefined ? jobsView : undefined
  return showSql(statement, { settings, reader: undefined, jobs, hasDialect: backend.hasDialect })
}

/**
 * Like `showForAll`, for the user who runs `query`. The session's backend says who that is; our own connections check rights and read
 * the jobs. `text` contains the SHOW statements.
 */
export async function showFor(
  query: BackendQuery,
  { settings, running, rights, seenJobs, backend }: ShowContext,
  text: string,
): Promise<(statement: Statement) => string> {
  const { user, isPlain } = await currentReader(query)
  const all = running.all
  const owners = [...new Set(all.map(({ session }) => session.user))]
  const [isAdmin, seen] = await Promise.all([rights.isAdmin(user), rights.mayReadStatementsOf(user, owners)])
  const reader = { isAdmin, statements: all.filter(({ session }) => seen.has(session.user)) }
  const jobs =
    seenJobs === undefined
      ? jobsView
      : namesJobs.test(text)
        ? jobsRelation(await seenJobs.of(user), isPlain)
        : undefined
  return (statement) => {
    const sql = showSql(statement, { settings, reader, jobs, hasDialect: backend.hasDialect })
    if (sql === undefined) throw new FeedError('FEED_BUG', `what ${statement.tag} shows is not known`)
    return sql
  }
}

/** Replaces each `[SHOW …]` in a SELECT by what the user who runs `query` may see. */
export async function expandSelect(select: string, query: BackendQuery, context: ShowContext): Promise<string> {
  return expandShows(select, await showFor(query, context, select), context.backend.hasDialect)
}

/** Statements without these words do not show jobs. */
const namesJobs = /\bjobs?\b/i

interface Showing {
  readonly settings: SettingTexts
  /** The relation with the jobs; undefined: it depends on the reader. */
  readonly jobs: string | undefined
  readonly hasDialect: boolean
  /** The role that reads; undefined if it is unknown. */
  readonly reader: Reader | undefined
}

/** Returns the SELECT; undefined: the answer depends on the reader, who is not known. */
function showSql(statement: Statement, showing: Showing): string | undefined {
  const { reader, settings, jobs, hasDialect } = showing
  switch (statement.tag) {
    case 'show-cluster-setting':
      return settingSql(findSetting(statement.name, statement.position), showing)
    case 'show-cluster-settings':
      return reader && valuesSql(showSettings(statement.all, settingsFor(reader, settings)))
    case 'show-queries':
      return reader && showQueriesSql(reader.statements)
    case 'show-jobs': {
      if (jobs === undefined) return undefined
      let dependsOnReader = false
      const show = (inner: Statement): string => {
        const text = showSql(inner, showing)
        dependsOnReader ||= text === undefined
        return text ?? ''
      }
      const text = showJobsStatementSql(statement, jobs, (select) => expandShows(select, show, hasDialect))
      return dependsOnReader ? undefined : text
    }
    case 'show-automatic-jobs':
      return jobs && showAutomaticJobsSql(jobs)
    case 'show-database':
      return showDatabaseSql
    case 'show-databases':
      return showDatabasesSql
    case 'show-tables':
      return showTablesSql
    default:
      statement satisfies Exclude<Statement, ShowStatement>
      throw new FeedError('FEED_SYNTAX', 'only SHOW statements can stand in brackets')
  }
}

function settingSql(name: SettingName, { reader, settings }: Showing): string | undefined {
  if (!isSecret(name)) return valuesSql(showSetting(name, settings))
  return reader && valuesSql(showSetting(name, settingsFor(reader, settings)))
}

function settingsFor(reader: Reader, settings: SettingTexts): SettingTexts {
  return reader.isAdmin ? settings : withoutSecrets(settings)
}
