// The connections to brokers, with their TLS and SASL, which are the client library's. There is one to each address. It is opened
// when it is first asked for, and opened again after it broke.

import { orLate } from '../../async/or-late.ts'
import { isIP } from 'node:net'
import { FeedError } from '../../errors/feed-error.ts'
import { ConnectionPool, type Connection, type ConnectionOptions } from '@platformatic/kafka'
import { isHostAllowed } from '../../core/allowed-hosts.ts'
import { guardSocket, metadataGuard, type AddressGuard } from '../../net/guarded-lookup.ts'
import type { SinkAddress, SinkLog } from '../sink-facts.ts'
import type { KafkaSinkSpec } from './spec.ts'
import { guardFrames } from './frame-guard.ts'
import { freeWritten } from './free-written.ts'
import { saslOptions } from './sasl.ts'
import { TokenSource } from './token-source.ts'

const connectMs = 10_000
/** Longer than a broker may work on a request (produce.ts), so that the broker reports what it waited for. */
export const requestMs = 40_000
const closeMs = 1000

export class KafkaConnections implements AsyncDisposable {
  readonly #named: ConnectionPool
  /** Hosts without a name: TLS sends the name of the server that it asks for (SNI), but never an IP address. */
  readonly #numbered: ConnectionPool
  readonly #allowedHosts: readonly string[]
  readonly #guardAddress: AddressGuard
  /** The tokens of OAUTHBEARER. */
  readonly #tokens: TokenSource | undefined
  /** Why the last connection to an address was given up. */
  readonly #refusals = new Map<string, string>()

  constructor(spec: KafkaSinkSpec, log: SinkLog, ownRequestMs = requestMs) {
    this.#allowedHosts = spec.allowedHosts ?? []
    this.#guardAddress = metadataGuard(spec)
    const { sasl, tls, mayReachMetadata } = spec
    if (sasl?.mechanism === 'OAUTHBEARER') this.#tokens = new TokenSource({ sasl, ca: tls?.ca, log, mayReachMetadata })
    const options = { ...connectionOptions(spec, this.#tokens), requestTimeout: ownRequestMs }
    this.#named = new ConnectionPool(spec.clientId, { ...options, tlsServerName: spec.tls !== undefined })
    this.#numbered = new ConnectionPool(spec.clientId, options)
    // An error of a connection is also the error of the call that uses it, so the event needs no handler of its own.
    for (const pool of [this.#named, this.#numbered]) {
      pool.on('connecting', ({ broker, connection }) => {
        connection.on('error', () => undefined)
        this.#guard(connection, addressText(broker), log)
      })
    }
  }

  async get({ host, port }: SinkAddress): Promise<Connection> {
    if (!isHostAllowed(this.#allowedHosts, host, port)) {
      throw new FeedError('FEED_SINK', `Kafka names a broker at ${host}:${port}, which sinks may not reach`, {
        hint: 'the cluster setting changefeed.sink.allowed_hosts lists what they may reach',
      })
    }
    const refused = this.#guardAddress(host)
    if (refused !== undefined) throw refused
    // Getting the token first makes its trouble an error of its own, and not one of the connection.
    if (this.isNew({ host, port })) await this.authorize()
    return this.#poolOf(host).get({ host, port })
  }

  /** Gets the token that connections need, if any. Throws why there is none. */
  async authorize(): Promise<void> {
    await this.#tokens?.get()
  }

  /** Returns whether `get` would open a connection. */
  isNew({ host, port }: SinkAddress): boolean {
    return !this.#poolOf(host).has({ host, port })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tokens?.[Symbol.dispose]()
    const pools = [this.#named, this.#numbered]
    // What was written is still sent, but a broker that is gone may never confirm the end of the connection.
    const sockets = pools.flatMap((pool) => [...pool].map(([, connection]) => connection.socket))
    const closed = Promise.all(pools.map((pool) => pool.close().catch(() => undefined)))
    await orLate(closed, closeMs)
    for (const socket of sockets) socket?.destroy()
  }

  /** Returns why the last connection to the address was given up, if the library only says that it was closed. */
  refusal(address: SinkAddress): string | undefined {
    return this.#refusals.get(addressText(address))
  }

  #guard(connection: Connection, address: string, log: SinkLog): void {
    // The library creates the socket after this event.
    queueMicrotask(() => {
      const { socket } = connection
      if (socket === undefined) return
      guardSocket(socket, this.#guardAddress)
      freeWritten(socket)
      socket.once('connect', () => {
        this.#refusals.delete(address)
        guardFrames(socket, (why) => {
          this.#refusals.set(address, why)
          log('warn', `${address}: ${why}`)
        })
      })
    })
  }

  #poolOf(host: string): ConnectionPool {
    return isIP(host) === 0 ? this.#named : this.#numbered
  }
}

export function addressText({ host, port }: SinkAddress): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

function connectionOptions({ tls, sasl }: KafkaSinkSpec, tokens: TokenSource | undefined): ConnectionOptions {
  return {
    connectTimeout: connectMs,
    ...(tls && {
      tls: {
        rejectUnauthorized: tls.verify,
        ...(tls.ca === undefined ? {} : { ca: [tls.ca] }),
        ...(tls.cert === undefined ? {} : { cert: tls.cert }),
        ...(tls.key === undefined ? {} : { key: tls.key }),
      },
    }),
    ...(sasl && { sasl: saslOptions(sasl, tokens) }),
  }
}
