// The script that `changefeed setup-sql` prints: what a DBA runs once, so that a role of few rights can read the changes of some
// tables and we create nothing in the database. The parts are SQL files beside this one. They look at the database when they run, so
// the script can be printed without having seen it, and may run again and again.

import { readFileSync } from 'node:fs'
import { quoteName, quoteString, shownName } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { strangersSql } from '../../postgres/attached/prepare-state.ts'
import { fillSql } from '../fill-sql.ts'
import { preparedMark, publication, publicationMark } from '../names.ts'
import type { Seen, TableName } from './look-at-tables.ts'

export interface SetupOptions {
  readonly database: string
  readonly role: string
  readonly tables: readonly TableName[]
  /** The tables of which changefeeds want the rows of before (diff). */
  readonly fullTables: readonly TableName[]
  /** Jobs and settings are kept in this database. */
  readonly hasState: boolean
  /** SQL that makes the roles by which users get rights over jobs; undefined: they are not wanted. */
  readonly groupRolesSql: string | undefined
  /** What is known of the tables; undefined: nobody has looked. */
  readonly seen: readonly Seen[] | undefined
}

export type SetupFile =
  | 'role'
  | 'check-publication'
  | 'check-tables'
  | 'publish'
  | 'grants'
  | 'functions'
  | 'state'
  | 'note'
  | 'identities'

export function setupScript(options: SetupOptions): string {
  const { database, role, groupRolesSql, hasState } = options
  const part = (file: SetupFile): string => fill(file, options)
  return [
    header(options),
    `\\set ON_ERROR_STOP on
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '5s';
`,
    part('role'),
    part('check-publication'),
    part('check-tables'),
    part('publish'),
    part('grants'),
    part('functions'),
    hasState
      ? part('state')
      : `-- Jobs and settings are kept in the database of --system-url. There, its owner runs:
--   CREATE SCHEMA changefeed_state AUTHORIZATION ${shownName(role)};
`,
    groupRolesSql === undefined
      ? ''
      : `-- Members of these roles may create changefeeds with a sink (changefeed), control jobs (controljob) or see them (viewjob).
${groupRolesSql.trim()}
`,
    part('note'),
    part('identities'),
    'COMMIT;\n',
    further(database, role),
  ]
    .filter((text) => text !== '')
    .join('\n')
}

function header({ database, role, tables, seen }: SetupOptions): string {
  const shown = tables.map(nameOf)
  const found = seen?.flatMap(({ name, what }) => what.map((text) => `  ${name} ${text}`)) ?? []
  const looked =
    seen === undefined
      ? 'The tables were not looked at when this script was printed: it looks at them itself.'
      : found.length === 0
        ? 'When this script was printed, each of these tables could be published as it is.'
        : `When this script was printed:\n${found.join('\n')}`
  return comment(`Prepares database ${shownName(database)} for changefeeds of
  ${shown.join('\n  ')}

${looked}

Read this script, and run it once as a superuser, or as a role that owns the tables, has CREATE on the database, and may make the role
(CREATEROLE; REPLICATION can be given from PostgreSQL 16 on by a role that has it). What such a role may not do, the script says:

  psql --no-psqlrc -d ${shownName(database)} -f FILE

It may run again, also with more tables. All of it happens or nothing. Readers and writers go on, with one exception: the tables
that get REPLICA IDENTITY FULL, all of them together and at the end. Their readers and writers wait for half a second at most. If
transactions use the tables for longer, the script lets everybody go on, and tries again half a second later, 10 times in all.
Until it ends, ALTER TABLE, CREATE INDEX, VACUUM and ANALYZE of the tables wait (and writers wait behind an ALTER TABLE or CREATE INDEX
that waits). For any other lock it waits for 5 seconds at most. When it fails, nothing was changed, and it may be tried again.

The server of the changefeeds then logs in as ${shownName(role)} and creates nothing in the database but its replication slot.`)
}

function further(database: string, role: string): string {
  const name = quoteName(role)
  return `${comment(`What you may want besides:

Partitions that are made later, and tables that you add to the publication later, need this, too:
  ALTER DEFAULT PRIVILEGES FOR ROLE (owner of the tables) IN SCHEMA (schema) GRANT SELECT ON TABLES TO ${name};

A column of a type such as text or jsonb, whose values may be stored out of line, ends the changefeeds of a table when it is added, unless
the table has REPLICA IDENTITY FULL by then. Names behind --diff get it at once; later, before the column is added:
  ALTER TABLE (table) REPLICA IDENTITY FULL;

Messages then name the transactions of others that a changefeed waits for, with their age:
  GRANT pg_monitor TO ${name};

Every role may write messages into the write-ahead log. Changefeeds write some and believe none. To keep others from it
(in PostgreSQL 17 and later the functions have a fourth parameter, boolean):
  REVOKE EXECUTE ON FUNCTION pg_catalog.pg_logical_emit_message(boolean, text, text), pg_catalog.pg_logical_emit_message(boolean, text, bytea) FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION pg_catalog.pg_logical_emit_message(boolean, text, text), pg_catalog.pg_logical_emit_message(boolean, text, bytea) TO ${name};

While no server of the changefeeds runs, its slot keeps the write-ahead log of ${shownName(database)}. A limit protects the disk, and a
changefeed that has missed something because of it says so:
  ALTER SYSTEM SET max_slot_wal_keep_size = '50GB';

changefeed uninstall prints what takes all of this back.`)}\n`
}

function comment(text: string): string {
  return text
    .split('\n')
    .map((line) => `--${line === '' ? '' : ` ${line}`}\n`)
    .join('')
}

function fill(file: SetupFile, { database, role, tables, fullTables }: SetupOptions): string {
  const texts = {
    database,
    role,
    publication,
    prepared_mark: preparedMark,
    installed_mark: publicationMark,
  }
  const expressions = {
    tables: arrayOf(tables),
    full_tables: arrayOf(fullTables),
    stranger: strangersSql(quoteString(role)),
  }
  const text = readFileSync(new URL(`./${file}.sql`, import.meta.url), 'utf8')
  return fillSql(text, { texts, expressions }).replaceAll(/\bE('(?:[^'\\]|'')*')/g, '$1')
}

function arrayOf(tables: readonly TableName[]): string {
  const names = tables.map((table) => `'${nameOf(table).replaceAll("'", "''")}'`)
  return `ARRAY[${names.join(', ')}]::regclass[]`
}

function nameOf({ schema, name }: TableName): string {
  if (`${schema}${name}`.includes('$$')) {
    throw new FeedError('FEED_OPTION', `a script cannot name table ${schema}.${name}, because its name contains $$`)
  }
  return `${shownName(schema)}.${shownName(name)}`
}
