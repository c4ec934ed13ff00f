// changefeed setup-sql: prints the script with which a DBA prepares a database for a role of few rights.

import { readTableNames } from '../doctor/read-table-names.ts'
import { attachedRolesSql } from '../jobs/rights-sql.ts'
import { readServer } from '../postgres/connection-string/read-server.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'
import { lookAtTables, type Seen, type Wanted } from '../source-schema/setup/look-at-tables.ts'
import { setupScript } from '../source-schema/setup/setup-script.ts'
import { hideUrls } from './hide-urls.ts'
import { readFlags } from './read-flags.ts'
import { UsageError } from './usage-error.ts'

const help = `Usage: changefeed setup-sql --tables=NAMES [flags]

Prints a script for psql that a DBA reads and runs once. A role of few rights can then read the changes of the tables, and nothing is
installed in the database.

  --tables=NAMES         the tables of the changefeeds: orders,sales.invoices,'public."Mixed Case"'
  --diff=NAMES           those of them whose changefeeds have the option diff or updates with old rows
  --role=NAME            the role that changefeeds log in with (cdc)
  --database=NAME        the database of the tables, if --postgres does not say it
  --postgres=URL         look at the tables there, and say in the script what it will do to them; any role will do
  --password-file=FILE   the first line of FILE is the password of the role in --postgres
  --system-url           jobs and settings are kept in another database: changefeed start --system-url
  --group-roles          also make the roles changefeed, controljob and viewjob, by which users get rights over jobs
`

const flags = {
  tables: { type: 'string', default: '' },
  diff: { type: 'string', default: '' },
  role: { type: 'string', default: 'cdc' },
  database: { type: 'string' },
  postgres: { type: 'string' },
  'password-file': { type: 'string' },
  'system-url': { type: 'boolean' },
  'group-roles': { type: 'boolean' },
} as const

export async function setupSql(argv: readonly string[]): Promise<number> {
  const values = readFlags(argv, flags, help)
  if (values === undefined) return 0
  const tables = readTableNames(values.tables)
  const fullTables = readTableNames(values.diff)
  if (tables.length === 0)
    throw new UsageError('which tables?', 'for example --tables=orders,sales.invoices,\'public."Mixed Case"\'')
  const isFull = ({ schema, name }: (typeof tables)[number]): boolean =>
    fullTables.some((full) => full.schema === schema && full.name === name)
  if (tables.filter(isFull).length < fullTables.length)
    throw new UsageError('--diff names a table that --tables does not name')
  hideUrls({ '--postgres': values.postgres })
  const source =
    values.postgres === undefined
      ? undefined
      : readServer(values.postgres, process.env, { passwordFile: values['password-file'] })
  const database = values.database ?? source?.database
  if (database === undefined)
    throw new UsageError('which database?', 'name it: --database=shop, or --postgres=URL to look at the tables')
  let seen: readonly Seen[] | undefined
  if (source !== undefined) {
    await using connection = await openRawConnection({ source: { ...source, database } })
    seen = await lookAtTables(
      connection,
      tables.map((table): Wanted => ({ ...table, isFull: isFull(table) })),
    )
  }
  for (const name of [values.role, database, ...tables.flatMap(({ schema, name }) => [schema ?? '', name])])
    checkName(name)
  const script = setupScript({
    database,
    role: values.role,
    tables,
    fullTables,
    hasState: values['system-url'] !== true,
    groupRolesSql: values['group-roles'] === true ? attachedRolesSql : undefined,
    seen,
  })
  process.stdout.write(script)
  return 0
}

/** The script has names also in comments, which end with their line, and between dollar quotes. */
function checkName(name: string): void {
  if (/\p{Cc}/u.test(name)) throw new UsageError(`the name ${JSON.stringify(name)} has a control character`)
  if (name.includes('$$')) throw new UsageError(`the name "${name}" contains $$, which the script cannot have`)
}
