// Where a PostgreSQL is and how to log in there, from a connection string and libpq's variables. Parameters of the string come before
// those of a service, and these before the variables. A parameter that cannot be honoured is an error that names it.

import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { FeedError } from '../../errors/feed-error.ts'
import type { KeepAlive, PasswordSource, SourceConnection } from '../source-connection.ts'
import { readHosts } from './hosts.ts'
import { checkOptions } from './options.ts'
import { checkNames, ofEnvironment, type Parameters } from './parameters.ts'
import { parsePairs } from './parse-pairs.ts'
import { isUrl, parseUrl } from './parse-url.ts'
import { readRequireAuth } from './require-auth.ts'
import { readService } from './service-file.ts'
import { readTls } from './tls-settings.ts'
import { oneOf, textOf, wholeNumber } from './values.ts'

const sessionAttrs = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const

export interface ReadServerOptions {
  /** A file whose first line is the password. */
  readonly passwordFile?: string | undefined
}

/**
 * `text`: a URL, `name=value` pairs, or the name of a database; undefined: the variables say everything. Throws FEED_OPTION.
 * The result holds credentials; no error does.
 */
export function readServer(
  text: string | undefined,
  environment: NodeJS.ProcessEnv,
  { passwordFile }: ReadServerOptions = {},
): SourceConnection {
  const parameters = allParameters(parseText(text ?? ''), environment)
  const [{ host, port, socketDir, address }, ...otherHosts] = readHosts(parameters)
  const user = textOf(parameters, 'user') ?? userInfo().username
  const options = textOf(parameters, 'options')
  if (options !== undefined) checkOptions(options)
  const seconds = wholeNumber(parameters, 'connect_timeout') ?? 0
  return {
    host,
    port,
    socketDir,
    address,
    otherHosts: otherHosts.length === 0 ? undefined : otherHosts,
    user,
    database: textOf(parameters, 'dbname') ?? user,
    targetSessionAttrs: oneOf(parameters, 'target_session_attrs', sessionAttrs),
    password: readPassword(parameters, passwordFile),
    tls: readTls(parameters),
    channelBinding: oneOf(parameters, 'channel_binding', ['disable', 'prefer', 'require'] as const),
    requireAuth: readRequireAuth(textOf(parameters, 'require_auth')),
    connectWithinMs: seconds > 0 ? seconds * 1000 : undefined,
    isShuffled: oneOf(parameters, 'load_balance_hosts', ['disable', 'random'] as const) === 'random' ? true : undefined,
    keepAlive: readKeepAlive(parameters),
    options,
    label: textOf(parameters, 'application_name') ?? textOf(parameters, 'fallback_application_name'),
  }
}

/** The parameters of a connection string. A text that is neither a URL nor contains "=" is the name of a database. */
export function parseText(text: string): Parameters {
  if (isUrl(text)) return checkNames(parseUrl(text), 'the connection URL')
  if (text.includes('://')) {
    throw new FeedError('FEED_OPTION', 'the connection URL does not begin with postgres:// or postgresql://')
  }
  if (text.includes('=')) return checkNames(parsePairs(text), 'the connection string')
  return text.trim() === '' ? new Map() : new Map([['dbname', text]])
}

function allParameters(given: Parameters, environment: NodeJS.ProcessEnv): Parameters {
  const variables = ofEnvironment(environment)
  const service = given.get('service') ?? variables.get('service')
  const file = given.get('servicefile') ?? variables.get('servicefile')
  const ofService = service === undefined || service === '' ? [] : readService(service, file, environment)
  return new Map([...variables, ...ofService, ...given])
}

function readPassword(parameters: Parameters, passwordFile: string | undefined): PasswordSource {
  if (passwordFile !== undefined) return { tag: 'file', path: passwordFile }
  const text = textOf(parameters, 'password')
  if (text !== undefined) return { tag: 'text', text }
  return { tag: 'passfile', path: textOf(parameters, 'passfile') ?? join(homedir(), '.pgpass') }
}

function readKeepAlive(parameters: Parameters): KeepAlive | undefined {
  const isOff = wholeNumber(parameters, 'keepalives') === 0 ? true : undefined
  const idle = wholeNumber(parameters, 'keepalives_idle') ?? 0
  const interval = wholeNumber(parameters, 'keepalives_interval') ?? 0
  const count = wholeNumber(parameters, 'keepalives_count') ?? 0
  if (isOff === undefined && idle <= 0 && interval <= 0 && count <= 0) return undefined
  return {
    isOff,
    idleMs: idle > 0 ? idle * 1000 : undefined,
    everyMs: interval > 0 ? interval * 1000 : undefined,
    count: count > 0 ? count : undefined,
  }
}
