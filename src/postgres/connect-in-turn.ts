// Tries the hosts of a server in their order, all addresses of each, with and without encryption as sslmode says, until one of them
// will do. Every failure is in the error at the end.
//
//   disable  without               allow  without, then with TLS       prefer  with TLS, then without
//   require, verify-ca, verify-full  with TLS

import { FeedError } from '../errors/feed-error.ts'
import { addressesOf, nameOf, type Address } from './addresses.ts'
import { connectMs, type Route } from './dial.ts'
import type {
  PostgresServer,
  ServerHost,
  SourceConnection,
  TargetSessionAttrs,
  TlsSettings,
} from './source-connection.ts'

/** What a server says about itself when a connection begins. */
export type Standing = 'primary' | 'standby'

export interface Turn {
  readonly route: Route
  readonly withinMs: number
  /** Throws if the server is none of those that `target_session_attrs` asks for. */
  readonly checkStanding: (standing: Standing) => void
}

export interface InTurnOptions {
  /** The one route that is tried. */
  readonly only?: Route | undefined
  /** Nothing more is tried after it has aborted. */
  readonly signal?: AbortSignal | undefined
}

/** Settles with what the first successful `attempt` gives. Throws FEED_SOURCE_DOWN or FEED_SOURCE_REFUSED. */
export async function connectInTurn<T>(
  server: SourceConnection,
  attempt: (turn: Turn) => Promise<T>,
  { only, signal }: InTurnOptions = {},
): Promise<T> {
  const failures: Failure[] = []
  const { targetSessionAttrs: wanted = 'any', connectWithinMs: withinMs = connectMs } = server
  if (only !== undefined) {
    try {
      return await attempt({ route: only, withinMs, checkStanding: () => undefined })
    } catch (error) {
      throw summary(server, [{ host: only, at: only.at, tls: only.tls, error: error as Error }])
    }
  }
  for (const standing of wanted === 'prefer-standby' ? (['standby', 'any'] as const) : [wanted]) {
    const checkStanding = (found: Standing): void => check(found, standing)
    for (const host of hostsOf(server)) {
      const connected = await tryHost({ server, host, failures, checkStanding, signal }, attempt)
      if (connected !== undefined) return connected.result
    }
  }
  throw summary(server, failures)
}

/** The hosts of a server in the order in which they are tried. */
function hostsOf({ host, port, socketDir, address, otherHosts = [], isShuffled }: PostgresServer): ServerHost[] {
  const hosts = [{ host, port, socketDir, address }, ...otherHosts]
  return isShuffled === true ? shuffled(hosts) : hosts
}

interface HostOptions extends Pick<Turn, 'checkStanding'>, Pick<InTurnOptions, 'signal'> {
  readonly server: SourceConnection
  readonly host: ServerHost
  readonly failures: Failure[]
}

/** Returns undefined if another host should be tried. */
async function tryHost<T>(
  { server, host, failures, checkStanding, signal }: HostOptions,
  attempt: (turn: Turn) => Promise<T>,
): Promise<{ readonly result: T } | undefined> {
  const { keepAlive, isShuffled, connectWithinMs: withinMs = connectMs } = server
  let addresses: readonly Address[] = []
  signal?.throwIfAborted()
  try {
    addresses = await addressesOf(host, withinMs)
  } catch (error) {
    failures.push({ host, at: undefined, tls: undefined, error: error as Error })
  }
  for (const at of isShuffled === true ? shuffled(addresses) : addresses) {
    const ways = encryptions(server.tls, at)
    for (const [i, tls] of ways.entries()) {
      try {
        const route = { ...host, at, tls, keepAlive }
        return { result: await attempt({ route, withinMs, checkStanding }) }
      } catch (error) {
        signal?.throwIfAborted()
        failures.push({ host, at, tls, error: error as Error })
        const next = nextAfter(error as Error, i + 1 < ways.length)
        if (next === 'nothing') throw summary(server, failures)
        if (next === 'address') break
      }
    }
  }
  return undefined
}

function encryptions(tls: TlsSettings | undefined, at: Address): readonly (TlsSettings | undefined)[] {
  if (tls === undefined || at.tag === 'socket') return [undefined]
  if (tls.mode === 'allow') return [undefined, tls]
  return tls.mode === 'prefer' ? [tls, undefined] : [tls]
}

function check(found: Standing, wanted: TargetSessionAttrs): void {
  const isWanted = {
    any: true,
    'prefer-standby': true,
    'read-write': found === 'primary',
    primary: found === 'primary',
    'read-only': found === 'standby',
    standby: found === 'standby',
  }[wanted]
  if (!isWanted) throw new Error(`it is a ${found}, and target_session_attrs=${wanted}`)
}

interface Failure extends Pick<Route, 'tls'> {
  readonly host: ServerHost
  /** Undefined: the name was not found. */
  readonly at: Address | undefined
  readonly error: Error
}

/** Errors of a socket after which the same address is not worth another attempt at once. */
const unreachable: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'EACCES',
  'ETIMEDOUT',
  'ELATE',
])

/** A wrong or missing password, and what we ourselves refuse or lack: the same everywhere. */
const everywhere: ReadonlySet<string> = new Set(['28P01', '08001'])

/**
 * What is tried after a failure. What a server refuses when we log in, the others of a cluster refuse, too; but pg_hba.conf may
 * let the role in with the other kind of encryption.
 */
function nextAfter(error: Error, hasOtherWay: boolean): 'encryption' | 'address' | 'nothing' {
  if (!(error instanceof FeedError)) {
    return unreachable.has((error as NodeJS.ErrnoException).code ?? '') ? 'address' : 'encryption'
  }
  const { code, sqlstate } = error
  if (code === 'FEED_SOURCE_REFUSED') return everywhere.has(sqlstate) || !hasOtherWay ? 'nothing' : 'encryption'
  return sqlstate.startsWith('08') ? 'encryption' : 'address'
}

function summary({ user, database }: SourceConnection, failures: readonly Failure[]): FeedError {
  const last = failures.at(-1)?.error
  const all = told(failures)
  if (!(last instanceof FeedError)) return down(`cannot reach PostgreSQL at ${all}`, last)
  const { message, sqlstate, detail, hint } = last
  if (last.code === 'FEED_SOURCE_DOWN') return down(`cannot reach PostgreSQL at ${all}`, last)
  const others = failures.filter((failure) => reason(failure.error) !== message)
  const at = [
    ...new Set(failures.filter((failure) => !others.includes(failure)).map(where)),
    ...(others.length > 0 ? [told(others)] : []),
  ].join('; ')
  return new FeedError('FEED_SOURCE_REFUSED', `${message} (role "${user}", database "${database}", at ${at})`, {
    sqlstate,
    detail,
    hint,
    cause: last,
  })
}

/** The failures in words, those with one reason together. */
function told(failures: readonly Failure[]): string {
  const places = Map.groupBy(failures, (failure) => reason(failure.error))
  return [...places].map(([why, some]) => `${[...new Set(some.map(where))].join(', ')}: ${why}`).join('; ')
}

function where({ host, at, tls, error }: Failure): string {
  const isReached = !unreachable.has((error as NodeJS.ErrnoException).code ?? '')
  return `${nameOf(host, at)}${tls !== undefined && isReached ? ' with TLS' : ''}`
}

function down(message: string, cause: unknown): FeedError {
  const { sqlstate, hint } = cause instanceof FeedError ? cause : { sqlstate: undefined, hint: undefined }
  return new FeedError('FEED_SOURCE_DOWN', message, { sqlstate, hint, cause })
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (ECONNREFUSED)',
  ENOENT: 'there is no such socket (ENOENT)',
  ENOTFOUND: 'the name is not known (ENOTFOUND)',
  EAI_AGAIN: 'the name cannot be looked up now (EAI_AGAIN)',
  EHOSTUNREACH: 'there is no way to that host (EHOSTUNREACH)',
  ENETUNREACH: 'there is no way to that network (ENETUNREACH)',
  ETIMEDOUT: 'no answer (ETIMEDOUT)',
  ECONNRESET: 'the connection was reset (ECONNRESET)',
}

function reason(error: Error): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  return words[code] ?? message
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((one) => ({ one, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)
}
