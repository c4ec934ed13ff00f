// One connection to a source, on the level of protocol messages: simple queries, COPY out, and the replication stream. It is for reading
// rows; everything else may use an ordinary client.
//
// A handler gets rows in the buffer of the socket, without a copy; they are valid during the call. If a handler returns a promise,
// reading stops until it settles, so that memory is limited by the read buffer and the kernel. One call runs at a time. When the connection dies every open call rejects with FEED_SOURCE_DOWN; what the server refuses is
// FEED_SOURCE_REFUSED with its own words.

import { onAbort } from '../async/or-abort.ts'
import { FeedError } from '../errors/feed-error.ts'
import { connectInTurn, type Turn } from './connect-in-turn.ts'
import type { CopyBothStream, CopyHandler } from './copy-stream.ts'
import { dial, type Route } from './dial.ts'
import { askClusterTimeline, checkTimeline, wantsPrimary } from './known-timelines.ts'
import { rememberRoute } from './last-route.ts'
import { askOthers } from './newer-primary.ts'
import { checkSession, poolerRefused } from './pooler.ts'
import { SocketConnection } from './socket-connection.ts'
import {
  laterParametersSql,
  rowTextParameters,
  rowTextParametersSql,
  type SourceConnection,
} from './source-connection.ts'

export interface RawConnectionOptions {
  readonly source: SourceConnection
  /** Makes a connection for replication, with replication=database. */
  readonly replication?: boolean
  /** Replaces `rowTextParameters`. */
  readonly parameters?: Readonly<Record<string, string>>
  readonly applicationName?: string
  readonly readBufferBytes?: number
  /**
   * Goes to the address of this connection and to no other: a slot, a snapshot and what a control connection has seen are of one
   * server, and the next host in the list is another one.
   */
  readonly beside?: Pick<RawConnection, 'route'> | undefined
  /** Ends the attempt to connect. */
  readonly signal?: AbortSignal | undefined
}

export interface RawConnection extends AsyncDisposable {
  /** Where it is. */
  readonly route: Route
  readonly backendPid: number
  /** The server has let us in without asking for a password, and not because of a certificate of ours. */
  readonly isUnasked: boolean
  /** Runs a simple query; returns the rows of all its results in order, as text. */
  query(sql: string): Promise<(string | null)[][]>
  /** Runs COPY … TO STDOUT. */
  copyOut(sql: string, handler: CopyHandler): Promise<void>
  /** Runs START_REPLICATION …; settles when the stream has begun. */
  copyBoth(sql: string, handler: CopyHandler): Promise<CopyBothStream>
  /** Asks the server, on another connection, to cancel the running statement of this one. */
  cancel(): Promise<void>
  /** Settles when the server has closed the connection, or after a second. */
  close(): Promise<void>
  /** Closes the socket; every open call rejects. */
  destroy(): void
}

const queryMs = 60_000

/** Tries all hosts of the server. Throws FEED_SOURCE_DOWN, or FEED_SOURCE_REFUSED if the server does not let us in. */
export function openRawConnection(options: RawConnectionOptions): Promise<RawConnection> {
  return openConnection(options)
}

/** The same with what other clients need who take the connection over. */
export function openConnection(options: RawConnectionOptions): Promise<SocketConnection> {
  const { source, signal, beside } = options
  return connectInTurn(source, (turn) => openOne(options, turn), { only: beside?.route, signal })
}

async function openOne(options: RawConnectionOptions, turn: Turn): Promise<SocketConnection> {
  const { route, withinMs, checkStanding } = turn
  // TLS has buffers of its own.
  const buffer = Buffer.allocUnsafeSlow(route.tls === undefined ? (options.readBufferBytes ?? 256 * 1024) : 0)
  let connection: SocketConnection | undefined
  const callback = (length: number, bytes: Uint8Array): boolean => connection?.read(bytes as Buffer, length) ?? true
  // PostgreSQL says nothing before it has the start-up packet.
  const dialed = await dial(route, { onread: { buffer, callback }, withinMs, signal: options.signal })
  connection = new SocketConnection(route, dialed)
  const timer = setTimeout(() => connection?.giveUp(`no answer within ${withinMs / 1000} s`), withinMs)
  using _ending = onAbort(options.signal, () => connection?.giveUp('nobody waits for it any more'))
  try {
    await connection.start({ source: options.source, startup: startupParameters(options) })
    checkStanding(await connection.standing())
    if (options.parameters === undefined) await settle(connection, options, turn)
    if (options.beside === undefined && wantsPrimary(options.source)) {
      const timeline = await askClusterTimeline(connection)
      clearTimeout(timer)
      await askOthers(options.source, connection, (source) => openConnection({ source, parameters: {} }))
      checkTimeline(options.source, timeline)
    }
    rememberRoute(options.source, route)
    connection.opened()
    return connection
  } catch (error) {
    connection.destroy()
    throw (error instanceof FeedError && poolerRefused(error)) || error
  } finally {
    clearTimeout(timer)
  }
}

/** Sets what could not stand in the start-up packet, and finds out whether the session is ours alone. */
async function settle(connection: SocketConnection, options: RawConnectionOptions, turn: Turn): Promise<void> {
  const rows = await connection.query(laterParametersSql)
  if (rows[0]?.[0] === String(connection.backendPid)) return
  await checkSession(connection, () => openOne({ ...options, replication: false, parameters: {} }, turn))
  // Whatever stands in between may have kept the parameters of the start-up packet for itself.
  await connection.query(`${rowTextParametersSql}; ${laterParametersSql}`)
}

/** Runs one query on a connection of its own. A server that does not answer in a minute is given up. */
export async function queryOnce(source: SourceConnection, sql: string): Promise<(string | null)[][]> {
  await using connection = await openConnection({ source })
  const timer = setTimeout(() => connection.giveUp(`no answer within ${queryMs / 1000} s`), queryMs)
  try {
    return await connection.query(sql)
  } finally {
    clearTimeout(timer)
  }
}

function startupParameters(options: RawConnectionOptions): ReadonlyMap<string, string> {
  const { source, replication, applicationName = 'pg-changefeed', parameters } = options
  const { label, options: switches } = source
  return new Map([
    ['user', source.user],
    ['database', source.database],
    ['application_name', label === undefined ? applicationName : `${applicationName} ${label}`],
    ...(switches === undefined ? [] : [['options', switches] as const]),
    ...Object.entries(parameters ?? rowTextParameters),
    ...(replication === true ? [['replication', 'database'] as const] : []),
  ])
}
