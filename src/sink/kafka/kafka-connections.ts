// Connections to brokers, with their TLS and SASL: the client library's. One to each address, opened when it is asked
// for and again after it broke.

import { isIP } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { FeedError } from '../../errors/feed-error.ts'
import { ConnectionPool, type Connection, type ConnectionOptions } from '@platformatic/kafka'
import { isHostAllowed } from '../../core/allowed-hosts.ts'
import type { BrokerAddress } from '../../core/broker-address.ts'
import type { KafkaSinkSpec } from '../../core/kafka-sink-spec.ts'

const connectMs = 10_000
/** Longer than a broker may take over a request (produce.ts), so that it is the broker that says what it waited for. */
export const requestMs = 40_000
const closeMs = 1000

export class KafkaConnections implements AsyncDisposable {
  readonly #named: ConnectionPool
  /** TLS names the server that is asked for (SNI): of hosts with a name, not of addresses. */
  readonly #numbered: ConnectionPool

  readonly #allowedHosts: readonly string[]

  constructor(spec: KafkaSinkSpec, ownRequestMs = requestMs) {
    this.#allowedHosts = spec.allowedHosts ?? []
    const options = { ...connectionOptions(spec), requestTimeout: ownRequestMs }
    this.#named = new ConnectionPool(spec.clientId, { ...options, tlsServerName: spec.tls !== undefined })
    this.#numbered = new ConnectionPool(spec.clientId, options)
    // What goes wrong comes back from the call that it goes wrong in.
    for (const pool of [this.#named, this.#numbered])
      pool.on('connecting', ({ connection }) => connection.on('error', () => undefined))
  }

  async get({ host, port }: BrokerAddress): Promise<Connection> {
    if (!isHostAllowed(this.#allowedHosts, host, port)) {
      throw new FeedError('FEED_SINK', `Kafka names a broker at ${host}:${port}, which sinks may not reach`, {
        hint: 'the cluster setting changefeed.sink.allowed_hosts lists what they may reach',
      })
    }
    return this.#poolOf(host).get({ host, port })
  }

  /** Whether `get` would open one. */
  isNew({ host, port }: BrokerAddress): boolean {
    return !this.#poolOf(host).has({ host, port })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pools = [this.#named, this.#numbered]
    // What was written still goes out; but a broker that is gone may never say goodbye.
    const sockets = pools.flatMap((pool) => [...pool].map(([, connection]) => connection.socket))
    const closed = Promise.all(pools.map((pool) => pool.close().catch(() => undefined)))
    const tooLate = new AbortController()
    await Promise.race([closed, delay(closeMs, undefined, { signal: tooLate.signal }).catch(() => undefined)])
    tooLate.abort()
    for (const socket of sockets) socket?.destroy()
  }

  #poolOf(host: string): ConnectionPool {
    return isIP(host) === 0 ? this.#named : this.#numbered
  }
}

export function addressText({ host, port }: BrokerAddress): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

function connectionOptions({ tls, sasl }: KafkaSinkSpec): ConnectionOptions {
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
    ...(sasl === undefined
      ? {}
      : { sasl: { mechanism: sasl.mechanism, username: sasl.user, password: sasl.password } }),
  }
}
