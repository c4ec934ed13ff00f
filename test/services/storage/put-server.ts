// A web server that keeps what it gets with PUT, for tests. It can stop answering for a while, answer with other numbers, and cut connections.

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'

/** A status, and a text; or the connection is cut in the middle of the body, or the file is kept and the answer lost. */
export type PutAnswer = number | { readonly status: number; readonly text: string } | 'cut' | 'lose'

export class PutServer implements AsyncDisposable {
  /** By path. */
  readonly files = new Map<string, Buffer>()
  readonly heads: IncomingHttpHeaders[] = []
  /** When each file came first, as wall nanoseconds. */
  readonly cameAt = new Map<string, bigint>()
  /** What the next PUTs are answered by. */
  readonly answers: PutAnswer[] = []
  /** What all others are answered by. */
  trouble: () => PutAnswer = () => 201
  readonly #server: Server
  #mended: PromiseWithResolvers<void> | undefined

  /** `tls`: PEM texts of a server that speaks TLS. */
  constructor({ tls }: { readonly tls?: { readonly cert: Buffer; readonly key: Buffer } } = {}) {
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(request, response).catch(() => response.destroy())
    }
    this.#server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer)
  }

  /** Returns host and port. */
  async start(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    const address = this.#server.address()
    return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  }

  /** Nothing is answered until `mend`. */
  break(): void {
    this.#mended ??= Promise.withResolvers()
  }

  mend(): void {
    this.#mended?.resolve()
    this.#mended = undefined
  }

  /** Closes all connections, wherever their requests are. */
  cut(): void {
    this.#server.closeAllConnections()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.mend()
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isPut = request.method === 'PUT'
    const answer = isPut ? (this.answers.shift() ?? this.trouble()) : 404
    const chunks: Buffer[] = []
    for await (const chunk of request) {
      if (answer === 'cut') return void request.socket.destroy()
      chunks.push(chunk as Buffer)
    }
    while (this.#mended !== undefined) await this.#mended.promise
    if (request.socket.destroyed || answer === 'cut') return
    if (isPut && (answer === 201 || answer === 'lose')) {
      const path = request.url ?? ''
      this.files.set(path, Buffer.concat(chunks))
      if (!this.cameAt.has(path)) this.cameAt.set(path, BigInt(Date.now()) * 1_000_000n)
      this.heads.push(request.headers)
    }
    if (answer === 'lose') return void request.socket.destroy()
    const headers = answer === 302 ? { location: 'http://127.0.0.1:1/' } : answer === 429 ? { 'retry-after': '0' } : {}
    if (typeof answer === 'number') response.writeHead(answer, headers).end()
    else response.writeHead(answer.status).end(answer.text)
  }
}
