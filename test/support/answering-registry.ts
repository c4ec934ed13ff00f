// A server that answers to a client of schema registries as a test wants: with every answer that a real one gives only in trouble.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface RegistryQuestion {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** How many questions there were before this one. */
  readonly before: number
}

/** Returns the body of a good answer, or writes another one; undefined: the test has answered, or never will. */
export type AnswerQuestion = (question: RegistryQuestion, response: ServerResponse) => string | undefined

export class AnsweringRegistry implements AsyncDisposable {
  readonly #server: Server
  readonly #isTls: boolean
  readonly questions: RegistryQuestion[] = []
  /** Connections that were opened. */
  connections = 0

  private constructor(answer: AnswerQuestion, tls: ServerOptions | undefined) {
    const take = (request: IncomingMessage, response: ServerResponse): void => {
      void text(request).then((body) => {
        const { method = '', url = '', headers } = request
        const question = { method, url, headers, body, before: this.questions.length }
        this.questions.push(question)
        const said = answer(question, response)
        if (said !== undefined) response.writeHead(200, { 'content-type': 'application/json' }).end(said)
      })
    }
    this.#isTls = tls !== undefined
    this.#server = tls === undefined ? createServer(take) : createTlsServer(tls, take)
    this.#server.on(this.#isTls ? 'secureConnection' : 'connection', () => this.connections++)
  }

  static async start(answer: AnswerQuestion, tls?: ServerOptions, port = 0): Promise<AnsweringRegistry> {
    const registry = new AnsweringRegistry(answer, tls)
    registry.#server.listen(port, '127.0.0.1')
    await once(registry.#server, 'listening')
    return registry
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `${this.#isTls ? 'https' : 'http'}://localhost:${this.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }
}
