// A schema registry over HTTP that refuses nothing: schemas get the ids 1, 2, 3, … in the order in which they come. For tests
// that need no real one.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MemoryRegistry } from './memory-registry.ts'

export class SmallRegistry implements AsyncDisposable {
  readonly schemas = new MemoryRegistry()
  /** How often a schema was sent. */
  registrations = 0
  readonly #server: Server

  static async start(): Promise<SmallRegistry> {
    const registry = new SmallRegistry()
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve))
    return registry
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const [, kind, name = '', rest] = (request.url ?? '').split('/')
        response.setHeader('content-type', 'application/json')
        if (request.method === 'POST' && kind === 'subjects' && rest === 'versions') {
          this.registrations += 1
          const { schema } = JSON.parse(Buffer.concat(chunks).toString()) as { schema: string }
          response.end(JSON.stringify({ id: this.schemas.register(decodeURIComponent(name), schema) }))
        } else response.end('[]')
      })
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
