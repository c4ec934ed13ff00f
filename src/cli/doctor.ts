// changefeed doctor: looks at a PostgreSQL before changefeeds read it, and prints what is to be done.

import { readFileSync } from 'node:fs'
import { styleText } from 'node:util'
import { firstEndMs, type CertificateEnd } from '../core/certificate-end.ts'
import { examine } from '../doctor/doctor.ts'
import { readTableNames } from '../doctor/read-table-names.ts'
import { exitCodeOf, reportJson, reportText, type ReportStyle } from '../doctor/report.ts'
import { readServer } from '../postgres/connection-string/read-server.ts'
import { hideUrls } from './hide-urls.ts'
import { readFlags } from './read-flags.ts'
import { UsageError } from './usage-error.ts'

const help = `Usage: changefeed doctor [--postgres=URL] [flags]

  --postgres=URL         the PostgreSQL to look at; what it does not say is taken from libpq's variables (PGHOST, …)
  --password-file=FILE   a file whose first line is the password
  --tables=NAMES         the tables of the changefeed: orders,sales.invoices,'public."Mixed Case"'
  --system-url=URL       the database for jobs and settings, as changefeed start takes it (that of --postgres)
  --system-password-file=FILE  the same for the role in --system-url
  --no-install           nothing is to be installed: a DBA prepares the database
  --tls-cert=FILE        the certificate that the server shall use, as changefeed start takes it: does it end soon?
  --tls-client-ca=FILE   the same for the authorities of the clients
  --all                  also print what is ok
  --json                 print all findings as JSON

Nothing is changed. Exit code: 0 everything is ok, 1 a changefeed cannot start, 2 there are only warnings.
`

const flags = {
  postgres: { type: 'string' },
  'password-file': { type: 'string' },
  tables: { type: 'string', default: '' },
  'system-url': { type: 'string' },
  'system-password-file': { type: 'string' },
  'no-install': { type: 'boolean' },
  'tls-cert': { type: 'string' },
  'tls-client-ca': { type: 'string' },
  all: { type: 'boolean' },
  json: { type: 'boolean' },
} as const

/** Longer lines are hard to read. */
const widest = 120

export async function doctor(argv: readonly string[]): Promise<number> {
  const values = readFlags(argv, flags, help)
  if (values === undefined) return 0
  const { postgres, 'system-url': system } = values
  if (system === undefined && values['system-password-file'] !== undefined)
    throw new UsageError('--system-password-file needs --system-url')
  hideUrls({ '--postgres': postgres, '--system-url': system })
  const source = {
    ...readServer(postgres, process.env, { passwordFile: values['password-file'] }),
    ...(values['no-install'] === true ? { mayInstall: false as const } : {}),
  }
  const state =
    system === undefined ? source : readServer(system, process.env, { passwordFile: values['system-password-file'] })
  const report = await examine({
    source,
    tables: readTableNames(values.tables),
    state,
    certificates: (['tls-cert', 'tls-client-ca'] as const).flatMap((name) => {
      const file = values[name]
      return file === undefined ? [] : [readEnd(`--${name}`, file)]
    }),
  })
  process.stdout.write(
    values.json === true
      ? `${JSON.stringify(reportJson(report), undefined, 2)}\n`
      : reportText(report, { ...styleOf(process.stdout), all: values.all === true }),
  )
  return exitCodeOf(report)
}

function readEnd(flag: CertificateEnd['flag'], file: string): CertificateEnd {
  try {
    return { flag, endMs: firstEndMs(readFileSync(file, 'utf8')) }
  } catch (error) {
    throw new UsageError(`cannot read ${flag}=${file}: ${(error as Error).message}`, 'it must be a PEM file')
  }
}

/** Lines are broken only for a terminal: a pipe gets each finding in one line. Colours are left out where NO_COLOR says so. */
function styleOf(stdout: NodeJS.WriteStream): Omit<ReportStyle, 'all'> {
  if (!stdout.isTTY) return {}
  return {
    width: Math.min(stdout.columns, widest),
    paint: (verdict, mark) =>
      verdict === 'ok' ? mark : styleText(['bold', verdict === 'failure' ? 'red' : 'yellow'], mark, { stream: stdout }),
  }
}
