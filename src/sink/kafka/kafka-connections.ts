// Connections to brokers, with their TLS and SASL: the client library's. One to each address, opened when it is asked
// for and again after it broke.

import { orLate } from '../../async/or-late.ts'
import { isIP } from 'node:net'
import { FeedError } from '../../errors/feed-error.ts'
import { ConnectionPool, type Connection, type ConnectionOptions } from '@platformatic/kafka'
import { isHostAllowed } from '../../core/allowed-hosts.ts'
import type { SinkAddress } from '../sink-facts.ts'
import type { KafkaSinkSpec } from './spec.ts'
import type { KafkaLog } from './kafka-log.ts'
import { guardFrames } from './frame-guard.ts'
import { saslOptions } from './sasl.ts'
import { TokenSource } from './token-source.ts'

const connectMs = 10_000
/** Longer than a broker may take over a request (produce.ts), so that it is the broker that says what it waited for. */
export const requestMs = 40_000
const closeMs = 1000

export class KafkaConnections implements AsyncDisposable {
  readonly #named: ConnectionPool
  /** TLS names the server that is asked for (SNI): of hosts with a name, not of addresses. */
  readonly #numbered: ConnectionPool

  readonly #allowedHosts: readonly string[]
  /** Of OAUTHBEARER. */
  readonly #tokens: TokenSource | undefined
  /** By address. */
  readonly #refusals = new Map<string, string>()

  constructor(spec: KafkaSinkSpec, log: KafkaLog, ownRequestMs = requestMs) {
    this.#allowedHosts = spec.allowedHosts ?? []
    const { sasl, tls } = spec
    if (sasl?.mechanism === 'OAUTHBEARER') this.#tokens = new TokenSource({ sasl, ca: tls?.ca, log })
    const options = { ...connectionOptions(spec, this.#tokens), requestTimeout: ownRequestMs }
    this.#named = new ConnectionPool(spec.clientId, { ...options, tlsServerName: spec.tls !== undefined })
    this.#numbered = new ConnectionPool(spec.clientId, options)
    // What goes wrong comes back from the call that it goes wrong in.
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
    // Asked for here, what is wrong with a token is an error of its own, not one of a connection.
    if (this.isNew({ host, port })) await this.authorize()
    return this.#poolOf(host).get({ host, port })
  }

  /** Has what a connection will need to show; throws why there is none. */
  async authorize(): Promise<void> {
    await this.#tokens?.get()
  }

  /** Whether `get` would open one. */
  isNew({ host, port }: SinkAddress): boolean {
    return !this.#poolOf(host).has({ host, port })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tokens?.[Symbol.dispose]()
    const pools = [this.#named, this.#numbered]
    // What was written still goes out; but a broker that is gone may never say goodbye.
    const sockets = pools.flatMap((pool) => [...pool].map(([, connection]) => connection.socket))
    const closed = Promise.all(pools.map((pool) => pool.close().catch(() => undefined)))
    await orLate(closed, closeMs)
    for (const socket of sockets) socket?.destroy()
  }

  /** Why the connection to the address was given up last, where the library only says that it was closed. */
  refusal(address: SinkAddress): string | undefined {
    return this.#refusals.get(addressText(address))
  }

  #guard(connection: Connection, address: string, log: KafkaLog): void {
    // The socket is there as soon as the library has begun to connect.
    queueMicrotask(() => {
      const { socket } = connection
      socket?.once('connect', () => {
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
    ...(tls === undefined
      ? {}
      : {
          tls: {
            rejectUnauthorized: tls.verify,
            ...(tls.ca === undefined ? {} : { ca: [tls.ca] }),
            ...(tls.cert === undefined ? {} : { cert: tls.cert }),
            ...(tls.key === undefined ? {} : { key: tls.key }),
          },
        }),
    ...(sasl === undefined ? {} : { sasl: saslOptions(sasl, tokens) }),
  }
}
