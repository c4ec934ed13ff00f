// A web server that keeps what it gets with PUT, for tests. It can stop answering for a while, answer with other numbers, and cut connections.

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'

export class PutServer implements AsyncDisposable {
  /** By path. */
  readonly files = new Map<string, Buffer>()
  readonly heads: IncomingHttpHeaders[] = []
  /** What the next PUTs are answered by; `cut`: the connection is cut in the middle of the body. */
  readonly answers: (number | 'cut')[] = []
  readonly #server: Server
  #mended: PromiseWithResolvers<void> | undefined

  constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy())
    })
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.mend()
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isPut = request.method === 'PUT'
    const answer = isPut ? (this.answers.shift() ?? 201) : 404
    const chunks: Buffer[] = []
    for await (const chunk of request) {
      if (answer === 'cut') return void request.socket.destroy()
      chunks.push(chunk as Buffer)
    }
    while (this.#mended !== undefined) await this.#mended.promise
    if (request.socket.destroyed || typeof answer === 'string') return
    if (isPut && answer === 201) {
      this.files.set(request.url ?? '', Buffer.concat(chunks))
      this.heads.push(request.headers)
    }
    const headers = answer === 302 ? { location: 'http://127.0.0.1:1/' } : answer === 429 ? { 'retry-after': '0' } : {}
    response.writeHead(answer, headers).end()
  }
}
