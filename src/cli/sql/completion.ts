// Completion with the Tab key: statements at the start, tables where a table is expected, options of a changefeed after WITH, cluster
// settings after SETTING. Options and settings come from the tables that the server itself uses.

import { quoteString } from '../../core/quote.ts'
import { factsOf, optionNames } from '../../plan/options.ts'
import { knownSettings } from '../../settings/known-settings.ts'

/** The words that fit, and the end of the text that they would replace. */
export type Completion = [candidates: string[], word: string]

/** Runs a query; returns undefined if the connection is busy or lost. */
export type Ask = (sql: string) => Promise<readonly (readonly (string | null)[])[] | undefined>

const statements = [
  'ALTER TABLE ',
  'CANCEL JOB ',
  'CANCEL QUERIES ',
  'CANCEL QUERY ',
  'CREATE CHANGEFEED FOR TABLE ',
  'CREATE DATABASE ',
  'CREATE TABLE ',
  'DELETE FROM ',
  'DROP TABLE ',
  'EXPERIMENTAL CHANGEFEED FOR ',
  'EXPLAIN CHANGEFEED FOR TABLE ',
  'GRANT CHANGEFEED ON TABLE ',
  'INSERT INTO ',
  'PAUSE JOB ',
  'RESET CLUSTER SETTING ',
  'RESUME JOB ',
  'REVOKE CHANGEFEED ON TABLE ',
  'SELECT ',
  'SET CLUSTER SETTING ',
  'SET DATABASE = ',
  'SHOW CLUSTER SETTING ',
  'SHOW CLUSTER SETTINGS',
  'SHOW DATABASES',
  'SHOW JOBS',
  'SHOW QUERIES',
  'SHOW TABLES',
  'UNWATCH DATABASE ',
  'UNWATCH TABLE ',
  'UPDATE ',
]

const builtOptions = optionNames.filter((name) => factsOf(name).built !== false)

/** `text` is the statement up to the cursor. */
export async function complete(text: string, ask: Ask): Promise<Completion> {
  const statement = text.slice(text.lastIndexOf(';') + 1).trimStart()
  const word = /[\w.]*$/.exec(statement)?.[0] ?? ''
  const before = statement.slice(0, statement.length - word.length).trimEnd()
  if (/cluster\s+setting$/i.test(before)) return matching(Object.keys(knownSettings), word)
  if (isChangefeed(statement) && /\bwith\b(?:[^']|'[^']*')*$/i.test(before) && /(?:\bwith|[,(])$/i.test(before))
    return matching(builtOptions, word)
  if (wantsTable(before)) return matching(await tables(word, ask), word)
  // The user may have typed several words of a statement, so all of the text is compared.
  const begun = statement.replace(/\s+/g, ' ')
  const found = statements.filter((candidate) => candidate.toLowerCase().startsWith(begun.toLowerCase()))
  return [found, begun]
}

function isChangefeed(statement: string): boolean {
  return /^(?:experimental|create|explain)\s+changefeed\b/i.test(statement)
}

/** Returns whether a table is expected: after FOR, after FOR TABLE, and after each comma of such a list. */
function wantsTable(before: string): boolean {
  if (/\b(?:from|into|update|table|join)$/i.test(before)) return !/\binto$/i.test(before) || !isChangefeed(before)
  return isChangefeed(before) && /\bfor(?:\s+table)?(?:\s+[\w.]+\s*,)*(?:\s+[\w.]+\s*,)?$/i.test(before)
}

async function tables(word: string, ask: Ask): Promise<string[]> {
  const prefix = word.replaceAll(/[\\%_]/g, '\\$&')
  const rows = await ask(`SELECT DISTINCT name FROM (
    SELECT quote_ident(relname) AS name FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p') AND pg_catalog.pg_table_is_visible(oid) AND relnamespace <> 'pg_catalog'::regnamespace
    UNION SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'changefeed', 'crdb_internal')) AS t
    WHERE name ILIKE ${quoteString(`${prefix}%`)} ORDER BY 1 LIMIT 200`)
  const names = (rows ?? []).map(([name]) => name ?? '')
  // Names with a schema are offered only after the schema has been typed.
  return word.includes('.') ? names : names.filter((name) => !name.includes('.'))
}

function matching(candidates: readonly string[], word: string): Completion {
  return [candidates.filter((candidate) => candidate.toLowerCase().startsWith(word.toLowerCase())), word]
}
