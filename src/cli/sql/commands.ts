// The shell's own commands: a backslash at the beginning of a line. None of them needs a semicolon.

import { quoteString, shownName } from '../../core/quote.ts'
import { displayFormats } from './display-format.ts'
import { errorText } from './error-text.ts'
import type { Shell } from './shell.ts'
import { formatSettings } from './shell-settings.ts'

export type CommandOutcome = 'stay' | 'quit'

const help = `\\q, quit, exit            leave the shell (also Ctrl-D)
\\?, help                  this text
Tab                       complete what is typed: statements, tables, options, settings
\\set                      show the shell's options
\\set NAME=VALUE           set one: display_format (${displayFormats.join(', ')}), errexit, show_times
\\l                        list databases
\\dt                       list tables
\\d [TABLE]                list tables, views and sequences, or describe one
Ctrl-C                    cancel the running statement, or clear what is typed

Statements end with a semicolon and may take several lines.
`

const listDatabases = `SELECT datname AS database_name, pg_catalog.pg_get_userbyid(datdba) AS owner
FROM pg_catalog.pg_database WHERE NOT datistemplate ORDER BY 1`

const listRelations = (kinds: string): string => `SELECT n.nspname AS schema_name, c.relname AS table_name,
  CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'table' END AS type,
  pg_catalog.pg_get_userbyid(c.relowner) AS owner
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN (${kinds}) AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'changefeed', 'crdb_internal')
ORDER BY 1, 2`

const describe = (
  name: string,
): string => `SELECT a.attname AS column_name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS data_type,
  NOT a.attnotnull AS is_nullable, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS column_default,
  EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)) AS primary_key
FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ${quoteString(name)}::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum`

export function isCommand(line: string): boolean {
  return /^\s*(?:\\|(?:quit|exit|help)\s*;?\s*$)/i.test(line)
}

export async function runCommand(shell: Shell, line: string): Promise<CommandOutcome> {
  const [name = '', ...words] = line.trim().replace(/;$/, '').split(/\s+/)
  const rest = words.join(' ')
  switch (name.toLowerCase()) {
    case '\\q':
    case 'quit':
    case 'exit':
      return 'quit'
    case '\\?':
    case '\\h':
    case 'help':
      shell.output.write(help)
      break
    case '\\set':
      set(shell, rest)
      break
    case '\\l':
      await show(shell, listDatabases)
      break
    case '\\dt':
      await show(shell, listRelations(`'r', 'p'`))
      break
    case '\\d':
      await show(shell, rest === '' ? listRelations(`'r', 'p', 'v', 'm', 'S'`) : describe(rest))
      break
    case '\\c':
    case '\\connect':
      shell.messages.write(
        `invalid command: ${name}; SET DATABASE = ${rest === '' ? 'name' : shownName(rest)}; moves the session to another database\n`,
      )
      break
    default:
      shell.messages.write(`invalid command: ${name}; try \\? for help\n`)
  }
  return 'stay'
}

async function show({ session, settings, output, messages }: Shell, sql: string): Promise<void> {
  try {
    await session.run(sql, settings)
  } catch (error) {
    await output.finish()
    messages.write(errorText(error))
  }
}

function set({ settings, output, messages }: Shell, text: string): void {
  if (text === '') {
    const { format, errexit, showTimes } = settings
    output.write(`display_format  ${format}\nerrexit         ${errexit}\nshow_times      ${showTimes}\n`)
    return
  }
  const [, name, value = 'true'] = /^(\w+)(?:\s*=\s*|\s+)?(\S+)?$/.exec(text) ?? []
  const isOn = /^(?:true|on|1|yes)$/i.test(value)
  if (name === 'errexit') settings.errexit = isOn
  else if (name === 'show_times') settings.showTimes = isOn
  else if (name === 'display_format') {
    const format = displayFormats.find((candidate) => candidate === value)
    if (format === undefined) messages.write(`\\set display_format=${value}: one of ${displayFormats.join(', ')}\n`)
    else Object.assign(settings, formatSettings(format, true))
  } else messages.write(`\\set ${text}: unknown option; \\set alone shows them\n`)
}
