// Stands before a schema registry: gives it an address without a path, TLS, a user with a password, or an outage after
// which the registry still knows its schemas.

import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

export interface FrontOptions {
  /** Of the API of the registry behind it. */
  readonly to: string
  readonly port?: number
  /** PEM texts. With `clientCa` only clients with a certificate of this authority are let in. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string }
  /** The only one that is let in. */
  readonly user?: { readonly name: string; readonly password: string }
  /** What stands before the paths of the API: `/a/b`. */
  readonly path?: string
}

export interface FrontAnswer {
  readonly status: number
  readonly body: string
}

/** What a client says to the front only. Java's, for one, offers to go on in HTTP/2. */
const ofThisConnection: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'host',
  'http2-settings',
  'upgrade',
])

export class RegistryFront implements AsyncDisposable {
  readonly #options: FrontOptions
  #server: Server | undefined
  #port: number
  /** What it answers in place of the registry; `hang`: nothing. */
  instead: FrontAnswer | 'hang' | undefined
  /** `POST /subjects/t-value/versions`: what was asked, in order, answered or not. */
  readonly requests: string[] = []

  private constructor(options: FrontOptions) {
    this.#options = options
    this.#port = options.port ?? 0
  }

  static async start(options: FrontOptions): Promise<RegistryFront> {
    const front = new RegistryFront(options)
    await front.open()
    return front
  }

  get port(): number {
    return this.#port
  }

  /** For `confluent_schema_registry`, without user and password. */
  get url(): string {
    const { tls, path = '' } = this.#options
    return `${tls === undefined ? 'http' : 'https'}://localhost:${this.#port}${path}`
  }

  /** Takes connections again, on the port that it had. */
  async open(): Promise<void> {
    const { tls } = this.#options
    const answer = (incoming: IncomingMessage, response: ServerResponse): void => this.#answer(incoming, response)
    const server =
      tls === undefined
        ? createServer(answer)
        : createTlsServer({ ...tls, ca: tls.clientCa, requestCert: tls.clientCa !== undefined }, answer)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject).listen(this.#port, '127.0.0.1', resolve)
    await promise
    this.#server = server
    this.#port = (server.address() as AddressInfo).port
  }

  /** Cuts all connections and refuses new ones. */
  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    server.close(() => resolve())
    server.closeAllConnections()
    await promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #answer(incoming: IncomingMessage, response: ServerResponse): void {
    const { to, user, path = '' } = this.#options
    const { method = '', url = '', headers } = incoming
    const asked = url.slice(path.length)
    this.requests.push(`${method} ${asked}`)
    if (this.instead === 'hang') return
    const wanted = user && `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`
    if (this.instead !== undefined) refuse(response, this.instead)
    else if (wanted !== undefined && headers.authorization !== wanted)
      refuse(response, { status: 401, body: '{"error_code":401,"message":"Unauthorized"}' })
    else if (!url.startsWith(`${path}/`)) refuse(response, { status: 404, body: 'not found' })
    else {
      const passed = Object.entries(headers).filter(([name]) => !ofThisConnection.has(name))
      const outgoing = request(to + asked, { method, headers: Object.fromEntries(passed) }, (answered) => {
        // The client may have given up: `response` cannot be written any more.
        if (response.destroyed) return void answered.destroy()
        response.writeHead(answered.statusCode ?? 502, answered.headers)
        pipeline(answered, response, () => undefined)
      })
      outgoing.on('error', ({ message }) => refuse(response, { status: 502, body: message }))
      pipeline(incoming, outgoing, () => undefined)
    }
  }
}

function refuse(response: ServerResponse, { status, body }: FrontAnswer): void {
  if (!response.headersSent) response.writeHead(status, { 'content-type': 'application/json' })
  response.end(body)
}
