// Recognizes our own statements by their first words, and calls the parser for the rest. A new statement is a new line here
// and a file beside this one.

import { parseAlterEventTrigger } from './alter-event-trigger.ts'
import type { Statement } from '../ast.ts'
import { parseCancelQueries, parseShowQueries } from './queries.ts'
import {
  parseResetClusterSetting,
  parseSetClusterSetting,
  parseShowClusterSetting,
  parseShowClusterSettings,
} from './cluster-setting.ts'
import { parseChangefeed } from './create-changefeed.ts'
import type { Cursor } from './cursor.ts'
import { parseExplainChangefeed } from './explain-changefeed.ts'
import { parseGrantChangefeed, refuseDefaultPrivileges } from './grant-changefeed.ts'
import { parseControlJobs, parseShowJobs } from './jobs.ts'
import { parseDeallocate, parseDiscard, parseReset, parseResetDatabase } from './reset-session.ts'
import { parseAlterRole, parseCreateRole, parseSystemPrivilege } from './role-options.ts'
import { parseAlterDatabase, parseCreateDatabase } from './move-database.ts'
import { refuseAlterChangefeed, refuseReplaceChangefeed, refuseSchedule, refuseShowChangefeedJobs } from './refused.ts'
import { parseUnwatch } from './unwatch.ts'
import { parseDropDatabase, parseSetDatabase, parseUse } from './use-database.ts'

import { refuseWrapped } from './wrapped-changefeed.ts'

/** `start` is the UTF-16 offset of the statement. */
type Parser = (cursor: Cursor, start: number) => Statement | undefined

const showQueries: Parser = parseShowQueries

const parsers: readonly (readonly [words: readonly string[], parse: Parser])[] = [
  [['experimental', 'changefeed'], (cursor) => parseChangefeed(cursor, true)],
  [['create', 'changefeed'], (cursor) => parseChangefeed(cursor, false)],
  [['explain', 'changefeed'], parseExplainChangefeed],
  [['set', 'cluster', 'setting'], parseSetClusterSetting],
  [['reset', 'cluster', 'setting'], parseResetClusterSetting],
  [['show', 'cluster', 'setting'], parseShowClusterSetting],
  [['show', 'cluster', 'settings'], (cursor) => parseShowClusterSettings(cursor, false)],
  [['show', 'public', 'cluster', 'settings'], (cursor) => parseShowClusterSettings(cursor, false)],
  [['show', 'all', 'cluster', 'settings'], (cursor) => parseShowClusterSettings(cursor, true)],
  ...['queries', 'statements'].flatMap((what): [readonly string[], Parser][] => [
    [['show', what], showQueries],
    [['show', 'all', what], showQueries],
    ...['cluster', 'local', 'session'].flatMap((where): [readonly string[], Parser][] => [
      [['show', where, what], showQueries],
      [['show', 'all', where, what], showQueries],
    ]),
  ]),
  ...(['pause', 'resume', 'cancel'] as const).flatMap((verb): [readonly string[], Parser][] =>
    ['job', 'jobs'].map((what) => [[verb, what], (cursor) => parseControlJobs(cursor, verb)]),
  ),
  [['show', 'job'], (cursor) => parseShowJobs(cursor, true)],
  [['show', 'jobs'], (cursor) => parseShowJobs(cursor, false)],
  [['show', 'automatic', 'jobs'], (cursor) => (cursor.expectEnd(), { tag: 'show-automatic-jobs' })],
  [['cancel'], parseCancelQueries],
  [['reset'], parseReset],
  [['discard'], parseDiscard],
  [['deallocate'], parseDeallocate],
  [['drop', 'database'], parseDropDatabase],
  [['alter', 'database'], parseAlterDatabase],
  [['create', 'database'], parseCreateDatabase],
  [['unwatch'], parseUnwatch],
  [['grant', 'changefeed'], (cursor) => parseGrantChangefeed(cursor, 'grant')],
  [['revoke', 'changefeed'], (cursor) => parseGrantChangefeed(cursor, 'revoke')],
  [['grant', 'system'], (cursor) => parseSystemPrivilege(cursor, true)],
  [['revoke', 'system'], (cursor) => parseSystemPrivilege(cursor, false)],
  [['alter', 'default', 'privileges'], refuseDefaultPrivileges],
  ...['role', 'user'].flatMap((what): [readonly string[], Parser][] => [
    [['create', what], parseCreateRole],
    [['alter', what], parseAlterRole],
  ]),
  [['show', 'changefeed', 'job'], refuseShowChangefeedJobs],
  [['show', 'changefeed', 'jobs'], refuseShowChangefeedJobs],
  [['alter', 'changefeed'], refuseAlterChangefeed],
  [['alter', 'event', 'trigger'], parseAlterEventTrigger],
  [['create', 'or', 'replace', 'changefeed'], refuseReplaceChangefeed],
  [['create', 'schedule'], refuseSchedule],
]

/** Statements of CockroachDB's dialect that have nothing to do with changefeeds. */
const dialectParsers: typeof parsers = [
  [['set', 'database'], parseSetDatabase],
  [['set', 'session', 'database'], parseSetDatabase],
  [['use'], parseUse],
  [['reset', 'database'], parseResetDatabase],
  [['reset', 'session', 'database'], parseResetDatabase],
  [['show', 'database'], (cursor) => (cursor.expectEnd(), { tag: 'show-database' })],
  [['show', 'databases'], (cursor) => (cursor.expectEnd(), { tag: 'show-databases' })],
  [['show', 'tables'], (cursor) => (cursor.expectEnd(), { tag: 'show-tables' })],
]

const allParsers = [...dialectParsers, ...parsers]

/** The first words of each statement; a text with a statement of ours must be found by `triggers` (sql.ts). */
export const firstWords: readonly (readonly string[])[] = [...parsers, ...dialectParsers].map(([words]) => words)

/** Returns undefined if the statement is not ours; throws FEED_SYNTAX if it is ours and does not parse. */
export function parseOurs(cursor: Cursor, hasDialect: boolean): Statement | undefined {
  const start = cursor.offset
  for (const [words, parse] of hasDialect ? allParsers : parsers)
    if (cursor.accept(...words)) return parse(cursor, start)
  return refuseWrapped(cursor)
}
