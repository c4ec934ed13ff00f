// Backslash commands of the shell.

import { formats, type Format } from './formats.ts'
import type { ShellSession } from './session.ts'

const help = `  \\q, exit                  leave
  \\set display_format=FMT   table, csv, tsv or ndjson
  \\set                      show the settings of the shell
  \\l  \\dt  \\d [TABLE]       databases, tables, columns
  Statements end with a semicolon; Ctrl-C cancels the one that runs.
`

export type MetaResult = 'quit' | 'done' | 'failed'

export async function runMeta(line: string, session: ShellSession): Promise<MetaResult> {
  const [command = '', ...words] = line.trim().replace(/;$/, '').split(/\s+/)
  const argument = words.join(' ')
  switch (command) {
    case '\\q':
    case 'exit':
    case 'quit':
      return 'quit'
    case '\\?':
    case '\\h':
    case 'help':
      process.stdout.write(help)
      return 'done'
    case '\\set':
      return set(argument, session)
    case '\\l':
      return result(await session.run('SHOW DATABASES'))
    case '\\dt':
      return result(await session.run('SHOW TABLES'))
    case '\\d':
      return result(await session.run(argument === '' ? 'SHOW TABLES' : columnsSql(argument)))
    default:
      process.stderr.write(`invalid syntax: ${command}. Try \\? for help.\n`)
      return 'failed'
  }
}

function result(ok: boolean): MetaResult {
  return ok ? 'done' : 'failed'
}

function set(argument: string, session: ShellSession): MetaResult {
  if (argument === '') {
    process.stdout.write(`display_format=${session.format}\n`)
    return 'done'
  }
  const [name, value = ''] = argument.split(/\s*=\s*|\s+/)
  if (name !== 'display_format' || !formats.includes(value as Format)) {
    process.stderr.write(`invalid setting: ${argument}. There is display_format=${formats.join('|')}.\n`)
    return 'failed'
  }
  session.format = value as Format
  return 'done'
}

function columnsSql(table: string): string {
  return `SELECT a.attname AS column_name, format_type(a.atttypid, a.atttypmod) AS data_type, NOT a.attnotnull AS is_nullable,
  pg_get_expr(d.adbin, d.adrelid) AS column_default FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = '${table.replaceAll("'", "''")}'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`
}
