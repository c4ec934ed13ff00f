// Explains errors of PostgreSQL that are caused by what changefeeds have changed in a table or a database. PostgreSQL's
// message says what is refused, and our hint says why and what to do. Our hint also replaces a hint of PostgreSQL that would
// do harm. An error that our own functions raise is clear without the context of their lines.

import { nearestName } from '../../core/nearest-name.ts'
import { shownName } from '../../core/quote.ts'
import { publication } from '../../source-schema/names.ts'
import type { Refusal } from '../../pg-server/local-statement.ts'
import type { ReportFields } from '../../wire/report-fields.ts'

interface Rule {
  readonly sqlstates: readonly string[]
  readonly message: RegExp
  /** Replaces the message of PostgreSQL. */
  readonly says?: string
  readonly hint: (match: RegExpExecArray) => string
}

/** A rule for objects that a system catalogue depends on, so that they cannot be dropped: see the bootstrap of the embedded server. */
function kept(catalogue: string, says: string): Rule {
  return {
    sqlstates: ['2BP01'],
    message: new RegExp(
      `^cannot drop table (?:pg_catalog\\.)?${catalogue} because it is required by the database system$`,
    ),
    says,
    hint: () =>
      'it belongs to this server, in every database, and is in no dump: keys of tables, SHOW JOBS and changefeeds are made with it. UNWATCH DATABASE removes what changefeeds keep in a database',
  }
}

const invalid = ['42804', '42P16', '42701']

/** What changefeeds change in any database that they watch. */
const rules: readonly Rule[] = [
  {
    sqlstates: ['55000', '0A000'],
    message: /^cannot change table "(.+)" to unlogged because it is part of a publication$/,
    hint: ([, table]) =>
      `changefeeds that watch a table publish it (${publication}): ${unwatch(table)} gives it back when no changefeed needs it any more`,
  },
  {
    sqlstates: ['55000', '42P10'],
    message: /^cannot (?:update|delete from) table "(.+?)"/,
    hint: ([, table]) =>
      `set REPLICA IDENTITY FULL with ALTER TABLE; or, where a changefeed has watched the table, ${unwatch(table)} gives it back`,
  },
  {
    sqlstates: ['2BP01'],
    message:
      /^cannot drop .*(?:\bchangefeed\b|\bpg_changefeed_).* because extension plpgsql requires it$|^cannot drop publication pg_changefeed\b/,
    hint: () =>
      'it belongs to the changefeeds of this database and goes with its last watched table: UNWATCH DATABASE removes everything when no changefeed needs it any more',
  },
  {
    sqlstates: ['55006'],
    message: /^replication slot "pg_changefeed_\d+" is active for PID/,
    hint: () =>
      'changefeeds read the database through it: UNWATCH DATABASE removes it when no changefeed needs it any more',
  },
  {
    sqlstates: ['42710'],
    message: /^publication "pg_changefeed" already exists$/,
    hint: () => 'the changefeeds of this database use it; leave it out of what is restored with --no-publications',
  },
]

/** What a PostgreSQL of our own has in addition: objects in every database, and keys for tables without one. */
const ownRules: readonly Rule[] = [
  kept('pg_extension', 'cannot drop extension plpgsql because this server needs it'),
  kept('pg_(?:proc|sequence)', 'cannot drop what unique_rowid() and cluster_logical_timestamp() are made of'),
  {
    sqlstates: ['2BP01'],
    message: /^cannot drop .*(?:crdb_internal|unique_rowid).* because extension plpgsql requires it$/,
    hint: () => 'it belongs to this server, in every database, and is in no dump',
  },
  {
    sqlstates: invalid,
    message: /^table "(.+)" contains column "(rowid(?:_\d+)?)" not found in parent/,
    hint: ([, table, column]) =>
      `${made(column)}; give this one its own key first: ALTER TABLE ${name(table)} DROP COLUMN ${column}, ADD PRIMARY KEY (...)`,
  },
  {
    sqlstates: invalid,
    message: /^(?:child table|table) is missing column "(rowid(?:_\d+)?)"/,
    hint: ([, column]) =>
      `${made(column)}, with its partitions and children; give it to the new one, too: ALTER TABLE ... ADD COLUMN ${column} INT8 NOT NULL DEFAULT unique_rowid()`,
  },
  {
    sqlstates: invalid,
    message: /^table has extra column "(rowid(?:_\d+)?)"/,
    hint: ([, column]) => `${made(column)}; drop it first: ALTER TABLE ... DROP COLUMN ${column}`,
  },
  {
    sqlstates: invalid,
    message: /^column "(rowid(?:_\d+)?)" of relation "(.+)" already exists/,
    hint: ([, column, table]) =>
      `${made(column)}; ALTER TABLE ${name(table)} DROP COLUMN ${column}, ADD PRIMARY KEY (...) gives the table a key of its own`,
  },
  {
    sqlstates: invalid,
    message: /^cannot (?:drop|alter|rename) inherited column "(rowid(?:_\d+)?)"/,
    hint: ([, column]) =>
      `${made(column)}, with its partitions and children: it is changed there; here, DROP CONSTRAINT drops the key alone`,
  },
]

/** A statement with a misspelt CHANGEFEED is sent to PostgreSQL, which does not know the word. */
function mistyped(message: string): ReportFields | undefined {
  const word = /^syntax error at or near "(\w+)"$/.exec(message)?.[1]?.toUpperCase() ?? ''
  const isSlip = word !== 'CHANGEFEED' && nearestName(word, ['CHANGEFEED']) !== undefined
  return isSlip ? { hint: 'did you mean CHANGEFEED? For example: CREATE CHANGEFEED FOR TABLE a, b' } : undefined
}

const sqlstates: ReadonlySet<string> = new Set([...rules, ...ownRules].flatMap((rule) => rule.sqlstates))

/** Matches the context of an error that our functions raise: its first line says where. */
const raisedByUs = /^PL\/pgSQL function changefeed\.[^\n]* at RAISE(?:\n|$)/

/**
 * Returns what the client gets instead; undefined: the error has nothing to do with changefeeds. `isOwn`: the PostgreSQL is our own.
 */
export function explainRefusal({ sqlstate, message, context = '' }: Refusal, isOwn: boolean): ReportFields | undefined {
  if (raisedByUs.test(context)) return { hidesContext: true }
  if (sqlstate === '42601') return mistyped(message)
  if (!sqlstates.has(sqlstate)) return undefined
  for (const rule of isOwn ? [...rules, ...ownRules] : rules) {
    const match = rule.sqlstates.includes(sqlstate) ? rule.message.exec(message) : null
    if (match !== null) return { message: rule.says, hint: rule.hint(match) }
  }
  return undefined
}

function unwatch(table: string | undefined): string {
  return `UNWATCH TABLE ${name(table)}`
}

/** Returns the name as it can be typed. The text must be ASCII, because the client may read another encoding. */
function name(table: string | undefined): string {
  if (table === undefined || !/^[\x20-\x7e]+$/.test(table)) return '...'
  return shownName(table)
}

function made(column: string | undefined): string {
  return `a table without a primary key gets the column ${column} when a changefeed first watches it`
}
