// A schema registry of this process that only gives ids and schemas back, for benches and random tests that need no Java: one
// id for each schema text, whatever the subject. Whether schemas are compatible, it does not know.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export class TinyRegistry implements AsyncDisposable {
  readonly #server: Server
  readonly #ids = new Map<string, number>()
  readonly #subjects = new Set<string>()

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  static async start(): Promise<TinyRegistry> {
    const registry = new TinyRegistry()
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve))
    return registry
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Those that have a schema. */
  get subjects(): readonly string[] {
    return [...this.#subjects]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    const subject = /^\/subjects\/([^/]+)\/versions$/.exec(path)?.[1]
    const id = /^\/schemas\/ids\/(\d+)$/.exec(path)?.[1]
    if (request.method === 'POST' && subject !== undefined) {
      const { schema } = JSON.parse(await bodyOf(request)) as { schema: string }
      if (!this.#ids.has(schema)) this.#ids.set(schema, this.#ids.size + 1)
      this.#subjects.add(decodeURIComponent(subject))
      return send(response, 200, { id: this.#ids.get(schema) })
    }
    if (path === '/subjects') return send(response, 200, this.subjects)
    const known = [...this.#ids].find(([, number]) => number === Number(id))
    if (known !== undefined) return send(response, 200, { schema: known[0] })
    send(response, 404, { error_code: 404, message: 'not found' })
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' })
  response.end(JSON.stringify(body))
}
