// changefeed start: a server that works with a PostgreSQL which somebody else has started, in the foreground or in the background.

import { commandName } from '../core/command-line.ts'
import { hideFromPs, passwordWarning } from '../postgres/connection-string/hide-password.ts'
import { readServer } from '../postgres/connection-string/read-server.ts'
import { readFlags } from './read-flags.ts'
import { serveAttached } from './serve-attached.ts'
import { serverFlags, serverHelp, startServer } from './server-flags.ts'
import { doorFlags, doorHelp, openDoor } from './sql-door.ts'
import { UsageError } from './usage-error.ts'

const help = `Usage: changefeed start --postgres=URL [flags]

Serves changefeeds of a PostgreSQL 14 to 18 that runs already. Its settings, its roles and all statements of its users stay as they are.

  --postgres=URL              the PostgreSQL whose changes are read, with the database of the state unless --system-url names another:
                              postgres://ROLE@HOST:PORT/DATABASE?sslmode=verify-full, or name=value pairs as in libpq; what it does not
                              say, PGHOST, PGUSER, PGSSLMODE … say (or CHANGEFEED_POSTGRES, if the flag is left out)
  --password-file=FILE        the first line of FILE is the password of the role in --postgres
  --no-install                install nothing in databases, even where the role may: a DBA has prepared them
  --system-url=URL            the database for jobs, settings and privileges, on this or another PostgreSQL (or CHANGEFEED_SYSTEM_URL);
                              they are tables in its schema changefeed_state
  --system-password-file=FILE the same for the role in --system-url
  --store=DIR                 where changes, logs and the key of the jobs are kept (changefeed-data)
${serverHelp}${doorHelp}
A URL with a password is visible in the list of processes: use --password-file, PGPASSWORD or ~/.pgpass.
`

const flags = {
  ...serverFlags,
  ...doorFlags,
  postgres: { type: 'string' },
  'password-file': { type: 'string' },
  'no-install': { type: 'boolean' },
  'system-url': { type: 'string' },
  'system-password-file': { type: 'string' },
} as const

const variables = { postgres: 'CHANGEFEED_POSTGRES', 'system-url': 'CHANGEFEED_SYSTEM_URL' } as const

export async function start(argv: readonly string[]): Promise<number> {
  const values = readFlags(argv, flags, help)
  if (values === undefined) return 0
  const textOf = (flag: keyof typeof variables): string | undefined => values[flag] ?? process.env[variables[flag]]
  const system = textOf('system-url')
  const postgres = textOf('postgres')
  if (
    postgres === undefined &&
    !Object.keys(process.env).some((name) => ['PGHOST', 'PGHOSTADDR', 'PGSERVICE'].includes(name))
  ) {
    throw new UsageError(
      'which PostgreSQL?',
      `name it: --postgres=postgres://ROLE@HOST:5432/DATABASE; "${commandName()} start-single-node" brings its own`,
    )
  }
  if (system === undefined && values['system-password-file'] !== undefined)
    throw new UsageError('--system-password-file needs --system-url')
  const source = {
    ...readServer(postgres, process.env, { passwordFile: values['password-file'] }),
    ...(values['no-install'] === true ? { mayInstall: false as const } : {}),
  }
  const state =
    system === undefined ? undefined : readServer(system, process.env, { passwordFile: values['system-password-file'] })
  const warnings = (['postgres', 'system-url'] as const).flatMap((flag) => {
    const text = values[flag]
    return text === undefined ? [] : (passwordWarning(text, `--${flag}`) ?? [])
  })
  for (const flag of ['postgres', 'system-url'] as const) if (values[flag] !== undefined) hideFromPs(values[flag])
  return startServer({
    command: 'start',
    // Passwords of a URL are in no argument of the process in the background.
    argv: withoutUrls(argv),
    environment: {
      ...(postgres === undefined ? {} : { [variables.postgres]: postgres }),
      ...(system === undefined ? {} : { [variables['system-url']]: system }),
    },
    values,
    kind: 'attached',
    door: (listen) => openDoor(values, listen),
    warnings,
    postgres: () => ({
      serve: (options, signal) => serveAttached({ ...options, source, state, signal }),
      abandon: () => undefined,
      login: { user: source.user, database: source.database },
    }),
  })
}

function withoutUrls(argv: readonly string[]): string[] {
  const isValue = (i: number): boolean => isUrlFlag(argv[i - 1] ?? '') && !(argv[i - 1] ?? '').includes('=')
  return argv.filter((argument, i) => !isUrlFlag(argument) && !isValue(i))
}

/** Whether an argument is one of the flags whose values may hold a password, without or with the value. */
function isUrlFlag(argument: string): boolean {
  return /^--(?:postgres|system-url)(?:=|$)/.test(argument)
}
