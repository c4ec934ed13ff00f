// An endpoint of webhooks for tests, over TLS or plain. It keeps what it has taken, by path, and notices two requests with the same
// row at the same time. It can be told to misbehave.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { TLSSocket } from 'node:tls'
import { certificateOf } from '../../support/servers/certificates.ts'
import { rawMembers, rawParts } from '../../support/raw-json.ts'

/**
 * What happens to a request: `take` it; `lose` takes it and cuts the connection before the answer; `reset` cuts the connection and
 * takes nothing; `cut-answer` takes it and cuts the connection in the body of a 200; `hang` answers nothing. An answer is given in place of taking it.
 */
export type Trouble = 'take' | 'lose' | 'reset' | 'cut-answer' | 'hang' | HookAnswer

export interface HookAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface HookRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** After decompression. */
  readonly body: string
  /** As it came, before decompression. */
  readonly bytes: number
  readonly atMs: number
  /** The subject of the certificate that the client showed. */
  readonly client: string | undefined
}

export interface HookServerOptions {
  readonly isPlain?: boolean
  /** The address at which it listens: 127.0.0.1 unless given. */
  readonly host?: string
  /** Clients must show a certificate of the authority of the tests. */
  readonly needsCertificate?: boolean
  readonly trouble?: (request: HookRequest) => Trouble
}

type Take = (request: HookRequest) => void

export class HookServer implements AsyncDisposable {
  readonly #server: Server
  readonly #scheme: string
  readonly #sockets = new Set<Duplex>()
  readonly #takers = new Map<string, Take>()
  readonly #present = new Set<string>()
  readonly #bugs: unknown[] = []
  #broken: PromiseWithResolvers<void> | undefined
  trouble: (request: HookRequest) => Trouble
  /** Asked when a request begins: whether the connection is cut before the rest of it comes. */
  cutsRequest: () => boolean = () => false
  /** All requests that came whole, whatever became of them. */
  readonly requests: HookRequest[] = []
  /** Those that were taken. */
  readonly taken: HookRequest[] = []
  /** Requests that are being answered, and the most of them at the same time. */
  present = 0
  mostPresent = 0
  connections = 0

  private constructor({ isPlain = false, needsCertificate = false, trouble = () => 'take' }: HookServerOptions) {
    this.trouble = trouble
    this.#scheme = isPlain ? 'http' : 'https'
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(request, response).catch((error: unknown) => {
        if (response.destroyed || request.destroyed) return
        this.#bugs.push(error)
        response.writeHead(400).end(String(error))
      })
    }
    const { cert, key, ca } = certificateOf('webhook')
    const tls = { cert: readFileSync(cert), key: readFileSync(key) }
    const mutual = needsCertificate ? { requestCert: true, ca: readFileSync(ca) } : {}
    this.#server = isPlain ? createServer(answer) : createTlsServer({ ...tls, ...mutual }, answer)
    this.#server.on('connection', (socket: Duplex) => {
      this.connections += 1
      this.#sockets.add(socket)
      // While the server is broken it takes no connections either.
      if (this.#broken !== undefined) socket.pause()
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(options: HookServerOptions = {}): Promise<HookServer> {
    const server = new HookServer(options)
    server.#server.listen(0, options.host ?? '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  /** host:port */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo
    return `${address.includes(':') ? `[${address}]` : address}:${port}`
  }

  /** The parameters of a sink URI that trusts the server. */
  get parameters(): string {
    if (this.#scheme === 'http') return 'insecure_plain_http=true'
    return `ca_cert=${encodeURIComponent(readFileSync(certificateOf('webhook').ca).toString('base64'))}`
  }

  /** A sink URI. `path` begins with a slash. */
  uri(path = '/', parameters = this.parameters): string {
    return `webhook-${this.#scheme}://${this.address}${path}${parameters === '' ? '' : `?${parameters}`}`
  }

  /** `take` gets the requests to the path as they are taken. */
  at(path: string, take: Take): void {
    this.#takers.set(path, take)
  }

  /** Throws what the server noticed. */
  check(): void {
    if (this.#bugs.length > 0) throw new AggregateError(this.#bugs)
  }

  /** From here on nothing is answered, until the server is mended. */
  break(): void {
    this.#broken ??= Promise.withResolvers()
  }

  mend(): void {
    this.#broken?.resolve()
    this.#broken = undefined
    for (const socket of this.#sockets) socket.resume()
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.cut()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket, headers, url: path = '' } = request
    const peer = 'getPeerCertificate' in socket ? (socket as TLSSocket).getPeerCertificate()?.subject?.CN : undefined
    const whole = { path, headers, bytes: 0, atMs: performance.now(), client: peer?.toString(), body: '' }
    if (this.cutsRequest()) {
      socket.destroy()
      return
    }
    const bytes = await buffer(request)
    const seen: HookRequest = { ...whole, bytes: bytes.length, body: decompressed(bytes, headers['content-encoding']) }
    this.requests.push(seen)
    this.present += 1
    this.mostPresent = Math.max(this.mostPresent, this.present)
    const rows = rowsOf(seen)
    try {
      for (const row of rows) {
        if (this.#present.has(row)) this.#bugs.push(new Error(`${row} is in two requests at the same time`))
        this.#present.add(row)
      }
      // Another request may arrive before this one is answered.
      await setImmediate()
      if (this.#broken !== undefined) await Promise.race([this.#broken.promise, once(response, 'close')])
      if (!response.destroyed) await this.#settle(seen, response)
    } finally {
      this.present -= 1
      for (const row of rows) this.#present.delete(row)
    }
  }

  async #settle(seen: HookRequest, response: ServerResponse): Promise<void> {
    const trouble = this.trouble(seen)
    if (typeof trouble === 'object') {
      response.writeHead(trouble.status, trouble.headers).end(trouble.body)
      return
    }
    if (trouble === 'hang') {
      await once(response, 'close')
      return
    }
    if (trouble === 'reset') {
      response.destroy()
      return
    }
    this.taken.push(seen)
    this.#takers.get(seen.path)?.(seen)
    if (trouble === 'lose') response.destroy()
    else if (trouble === 'cut-answer')
      response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy())
    else response.writeHead(200).end('thank you')
  }
}

function decompressed(bytes: Buffer, encoding: string | undefined): string {
  if (encoding === 'gzip') return gunzipSync(bytes).toString()
  return encoding === 'zstd' ? zstdDecompressSync(bytes).toString() : bytes.toString()
}

/** The messages in a request, as they are written; undefined: the request is a resolved message. */
export function messagesOf({ body }: Pick<HookRequest, 'body'>): readonly string[] | undefined {
  const members = rawMembers(body)
  const payload = members.find(({ name }) => name === 'payload')
  if (payload === undefined) return undefined
  const messages = rawParts(payload.text)
  assert.deepEqual(
    members.map(({ name, text }) => [name, name === 'length' ? text : '']),
    [
      ['payload', ''],
      ['length', String(messages.length)],
    ],
  )
  return messages
}

/** The rows in a request, by topic and key. */
function rowsOf(request: HookRequest): ReadonlySet<string> {
  if (request.headers['content-type'] !== 'application/json') return new Set()
  const messages = messagesOf(request) ?? []
  return new Set(
    messages.map((message) => {
      const { topic, key } = JSON.parse(message) as { readonly topic?: string; readonly key?: unknown }
      return `${topic} ${JSON.stringify(key)}`
    }),
  )
}
