// Where the shell connects to, and how it logs in: a URL, flags, and the variables of libpq about passwords and TLS. Flags come before the URL,
// and the URL before the variables.
//
// The variables that say where PostgreSQL is are not read: this server is another one.

import { parseText, readServer } from '../../postgres/connection-string/read-server.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'
import { readAddress, readPort } from '../address.ts'
import { UsageError } from '../usage-error.ts'

export interface ConnectionFlags {
  readonly url?: string | undefined
  readonly host?: string | undefined
  readonly port?: string | undefined
  readonly database?: string | undefined
  readonly user?: string | undefined
  readonly insecure?: boolean | undefined
  readonly 'password-file'?: string | undefined
}

export interface ShellConnection {
  readonly source: SourceConnection
  /** Switches for the start of the session, as PGOPTIONS has them. */
  readonly options: string | undefined
  /** The host and the port in the prompt; the host is empty if the user has not named one. */
  readonly promptHost: string
}

const places = ['PGHOST', 'PGHOSTADDR', 'PGPORT', 'PGDATABASE', 'PGUSER', 'PGSERVICE', 'PGOPTIONS', 'PGAPPNAME']

export function readConnection(flags: ConnectionFlags, environment: NodeJS.ProcessEnv): ShellConnection {
  const given = new Map<string, string>(flags.url === undefined ? [] : parseUrl(flags.url))
  const options = given.get('options') ?? environment['PGOPTIONS']
  given.delete('options')
  const fallback = { host: given.get('host') ?? '', port: readPort(given.get('port') ?? '26257', 'port') }
  if (flags.host !== undefined) {
    const { host, port } = readAddress(flags.host, '--host', { fallback, leastPort: 1 })
    given.set('host', host)
    given.set('port', String(port))
    given.delete('hostaddr')
  }
  if (flags.port !== undefined) given.set('port', String(readPort(flags.port, '--port')))
  if (flags.user !== undefined) given.set('user', flags.user)
  if (flags.database !== undefined) given.set('dbname', flags.database)
  if (flags.insecure === true) given.set('sslmode', 'disable')
  const promptHost = `${given.get('host') ?? ''}:${given.get('port') ?? fallback.port}`
  for (const [name, value] of Object.entries(defaults)) {
    if ((given.get(name) ?? '') === '' && !(name === 'host' && given.has('hostaddr'))) given.set(name, value)
  }
  const variables = { ...environment }
  for (const name of places) delete variables[name]
  const source = readServer(asPairs(given), variables, { passwordFile: flags['password-file'] })
  return { source, options, promptHost }
}

const defaults = { host: 'localhost', port: '26257', user: 'root', dbname: 'defaultdb' }

function parseUrl(text: string): Iterable<readonly [string, string]> {
  if (!/^postgres(?:ql)?:\/\//.test(text)) {
    throw new UsageError('--url is not a URL like postgresql://root@localhost:26257/defaultdb')
  }
  return parseText(text)
}

function asPairs(parameters: ReadonlyMap<string, string>): string {
  return [...parameters].map(([name, value]) => `${name}='${value.replace(/[\\']/g, '\\$&')}'`).join(' ')
}
