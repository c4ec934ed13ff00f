// The endpoint of a webhook: keeps connections to it, and posts bodies. A redirect is followed with the same method and body
// (307, 308), and only to the same scheme, host and port: another machine must not get the rows and the credentials.

import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { isIP } from 'node:net'
import { buildConnector } from 'undici'
import { onAbort, orAbort } from '../../async/or-abort.ts'
import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { guardedLookup, metadataGuard, type AddressGuard } from '../../net/guarded-lookup.ts'
import { isPrivateAddress } from '../../net/metadata-address.ts'
import { Connection } from './connection.ts'
import { maxAnswerBytes, readAnswer, type Answer } from './read-answer.ts'
import { plainRefused } from './read-spec.ts'
import type { WebhookSinkSpec } from './spec.ts'

export interface PostBody {
  /** What `write` returned is not in the memory that it was given. */
  readonly isInPlace: boolean
  /** Returns what is sent, which may be in `memory`. */
  write(memory: ByteWriter): Promise<Buffer>
  /** Called with `isInPlace` after the request: what was sent may still be read, unless `exchange` returns the same memory. */
  moveTo(exchange: (memory: ByteWriter) => ByteWriter): void
}

interface Exchange {
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
  /** The request is given up when it aborts. */
  readonly signal: AbortSignal
}

const maxRedirects = 3
/** So long an answer that takes the request is read, so that the connection can be used again. */
const maxTakenMs = 500

export class Endpoint implements AsyncDisposable {
  readonly #spec: WebhookSinkSpec
  readonly #url: URL
  readonly #connect: buildConnector.connector
  /** Those without a request. The one that was used last is used first, so that an endpoint with little to do has one connection. */
  readonly #idle: Connection[]
  readonly #all: readonly Connection[]

  /** `connections`: as many requests are sent at the same time. */
  constructor(spec: WebhookSinkSpec, connections: number) {
    const { tls, timeoutMs } = spec
    this.#spec = spec
    this.#url = new URL(spec.url)
    this.#connect = guarded(
      buildConnector({
        ...(tls.ca === undefined && tls.cert === undefined ? {} : { secureContext: contextOf(tls) }),
        rejectUnauthorized: tls.verify,
        lookup: guardedLookup(guardOf(spec)),
        timeout: timeoutMs,
        allowH2: false,
      }),
      guardOf(spec),
    )
    this.#all = Array.from({ length: connections }, () => new Connection(this.#url.origin, this.#connect))
    this.#idle = [...this.#all]
  }

  /** Settles when a connection was opened, which is closed again. */
  async reach(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    const { protocol, port } = this.#url
    const hostname = withoutBrackets(this.#url.hostname)
    const reached = Promise.withResolvers<void>()
    this.#connect({ hostname, host: this.#url.host, protocol, port }, (error, socket) => {
      if (error !== null) return reached.reject(error)
      socket.on('error', () => undefined).destroy()
      reached.resolve()
    })
    await orAbort(reached.promise, signal)
  }

  /**
   * Posts the body. Throws if the endpoint cannot be reached, or does not answer in time. There are no more calls at a time than
   * connections.
   */
  async post(body: PostBody, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
    const connection = this.#idle.pop()
    if (connection === undefined) throw new FeedError('FEED_BUG', 'a webhook has more requests than connections')
    try {
      return await this.#exchange(connection, { body: await body.write(connection.nextMemory()), headers, signal })
    } finally {
      if (body.isInPlace) body.moveTo((memory) => connection.exchange(memory))
      else connection.exchangeOwn()
      this.#idle.push(connection)
    }
  }

  async #exchange(connection: Connection, { body, headers, signal }: Exchange): Promise<Answer> {
    const { timeoutMs } = this.#spec
    const stop = new AbortController()
    using _listening = onAbort(signal, () => stop.abort(signal.reason))
    const stopIn = (ms: number): NodeJS.Timeout =>
      setTimeout(() => {
        stop.abort(
          new FeedError('FEED_SINK', `no answer within ${timeoutMs} ms (webhook_client_timeout)`, {
            hint: 'if the endpoint needs more time, raise webhook_client_timeout, or lower Flush.MaxBytes in webhook_sink_config',
          }),
        )
      }, ms)
    let timer = stopIn(timeoutMs)
    try {
      let path = this.#url.pathname + this.#url.search
      for (let redirects = 0; ; redirects++) {
        const answer = await connection.request(body, { path, method: 'POST', headers, signal: stop.signal })
        const { statusCode: status, headers: its } = answer
        if (status >= 200 && status < 300) {
          clearTimeout(timer)
          timer = stopIn(Math.min(timeoutMs, maxTakenMs))
        }
        if (status !== 307 && status !== 308) return await readAnswer(answer, stop.signal)
        await answer.body.dump({ limit: maxAnswerBytes, signal: stop.signal })
        path = this.#redirected(path, its['location'], redirects)
      }
    } finally {
      clearTimeout(timer)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((connection) => connection[Symbol.asyncDispose]()))
  }

  /** Returns the path to which the answer leads. */
  #redirected(path: string, location: string | string[] | undefined, redirects: number): string {
    const { origin } = this.#url
    const to = URL.parse(String(location ?? ''), origin + path)
    if (location === undefined || to === null) throw new FeedError('FEED_SINK', 'it redirects to nowhere')
    if (to.origin !== origin) {
      throw new FeedError('FEED_SINK', `it redirects to ${to.origin}, and redirects to other hosts are not followed`, {
        hint: 'create the changefeed with the URI of the endpoint itself',
      })
    }
    if (redirects >= maxRedirects) throw new FeedError('FEED_SINK', `it redirects more than ${maxRedirects} times`)
    return to.pathname + to.search
  }
}

/** Made once: with all its authorities it takes longer than a connection. */
function contextOf({ ca, cert, key }: WebhookSinkSpec['tls']): SecureContext {
  return createSecureContext({
    ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }),
    ...(cert === undefined ? {} : { cert, key }),
  })
}

function guardOf(spec: WebhookSinkSpec): AddressGuard {
  const metadata = metadataGuard(spec)
  if (spec.url.startsWith('https:')) return metadata
  return (address) => metadata(address) ?? (isPrivateAddress(address) ? undefined : plainRefused(address))
}

/** For an address in place of a name nothing is looked up. */
function guarded(connect: buildConnector.connector, guard: AddressGuard): buildConnector.connector {
  return (options, callback) => {
    const address = withoutBrackets(options.hostname)
    const refused = isIP(address) === 0 ? undefined : guard(address)
    if (refused === undefined) connect(options, callback)
    else queueMicrotask(() => callback(refused, null))
  }
}

/** An IPv6 address stands in brackets in a URL, and has none where a connection is made. */
function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
