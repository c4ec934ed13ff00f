// A proxy before an HTTP service, for tests: requests and answers pass through it as they are, except for those that it answers itself,
// cuts, loses or holds.

import { createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export interface FrontAnswer {
  readonly status: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * `pass`: as without the front. `cut`: the connection ends in the middle of the body. `lose`: the service gets the request, and
 * the connection ends instead of the answer. `half`: it ends in the middle of the answer. `hold`: nothing is answered.
 */
export type FrontTrouble = FrontAnswer | 'pass' | 'cut' | 'lose' | 'half' | 'hold'

export interface FrontRequest {
  readonly method: string
  /** The path and the parameters. */
  readonly path: string
  readonly headers: IncomingMessage['headers']
}

export class ServiceFront implements AsyncDisposable {
  /** All requests that came. */
  readonly requests: FrontRequest[] = []
  /** What happens to the next requests that write something. */
  readonly next: FrontTrouble[] = []
  /** What happens to all others. */
  trouble: (request: FrontRequest) => FrontTrouble = () => 'pass'
  /** Called when the service has answered a request. */
  passed: (request: FrontRequest) => void = () => undefined
  port = 0
  #written: PromiseWithResolvers<void> | undefined
  readonly #servicePort: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #mended: PromiseWithResolvers<void> | undefined

  private constructor(servicePort: number) {
    this.#servicePort = servicePort
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy())
    })
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      response.writeContinue()
      this.#server.emit('request', request, response)
    })
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(servicePort: number): Promise<ServiceFront> {
    const front = new ServiceFront(servicePort)
    await new Promise<void>((done) => front.#server.listen(0, '127.0.0.1', done))
    const address = front.#server.address()
    front.port = typeof address === 'object' && address !== null ? address.port : 0
    return front
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Settles when the service has taken the next request that writes something, before the answer is passed on. */
  nextWrite(): Promise<void> {
    this.#written = Promise.withResolvers()
    return this.#written.promise
  }

  /** Nothing is answered until `mend`. */
  break(): void {
    this.#mended ??= Promise.withResolvers()
  }

  mend(): void {
    this.#mended?.resolve()
    this.#mended = undefined
  }

  /** Ends all connections, wherever their requests are. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.mend()
    this.#server.closeAllConnections()
    this.cut()
    await new Promise((done) => this.#server.close(done))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = request
    const seen: FrontRequest = { method, path, headers }
    this.requests.push(seen)
    const isWrite = method === 'PUT' || method === 'POST'
    const trouble = (isWrite ? this.next.shift() : undefined) ?? this.trouble(seen)
    const chunks: Buffer[] = []
    for await (const chunk of request) {
      if (trouble === 'cut') return void request.socket.destroy()
      chunks.push(chunk as Buffer)
    }
    while (this.#mended !== undefined) await this.#mended.promise
    if (trouble === 'cut') return void request.socket.destroy()
    if (trouble === 'hold' || request.socket.destroyed) return
    if (typeof trouble === 'object') {
      response.writeHead(trouble.status, { ...trouble.headers }).end(trouble.body)
      return
    }
    const answer = await this.#passOn(seen, Buffer.concat(chunks))
    this.passed(seen)
    if (isWrite) this.#written?.resolve()
    if (trouble === 'lose') return void request.socket.destroy()
    response.writeHead(answer.status, answer.headers)
    if (trouble !== 'half') return void response.end(answer.body)
    response.write(answer.body.subarray(0, answer.body.length / 2), () => request.socket.destroy())
  }

  async #passOn({ method, path, headers }: FrontRequest, body: Buffer) {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const { expect: _expect, ...others } = headers
    const sent = send({ host: '127.0.0.1', port: this.#servicePort, method, path, headers: others })
    sent.once('response', resolve).once('error', reject).end(body)
    const response = await promise
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    return { status: response.statusCode ?? 502, headers: response.headers, body: Buffer.concat(chunks) }
  }
}
