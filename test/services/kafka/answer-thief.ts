// Stands before a broker and can take its answers away: what was asked is done, the connection ends, and whoever asked
// does not know. The broker must be found at this port (advertised.listeners).

import { createServer, Socket, type AddressInfo, type Server } from 'node:net'

export class AnswerThief implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #brokerPort = 0
  /** So many of the next answers are taken away. */
  #steals = 0
  stolen = 0

  private constructor() {
    this.#server = createServer((client) => this.#serve(client))
  }

  static async start(): Promise<AnswerThief> {
    const thief = new AnswerThief()
    const { promise, resolve } = Promise.withResolvers<void>()
    thief.#server.listen(0, '127.0.0.1', resolve)
    await promise
    return thief
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get bootstrap(): string {
    return `127.0.0.1:${this.port}`
  }

  serve(brokerPort: number): void {
    this.#brokerPort = brokerPort
  }

  steal(answers: number): void {
    this.#steals = answers
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    await promise
  }

  #serve(client: Socket): void {
    const broker = new Socket().connect(this.#brokerPort, '127.0.0.1')
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(one)
      one.on('error', () => undefined)
      one.once('close', () => {
        this.#sockets.delete(one)
        other.destroy()
      })
    }
    client.on('data', (bytes) => {
      // Only over connections that bring messages.
      if (bytes.length > 10_000) carriesMessages = true
      if (broker.write(bytes)) return
      client.pause()
      broker.once('drain', () => client.resume())
    })
    let carriesMessages = false
    broker.on('data', (bytes) => {
      if (this.#steals > 0 && carriesMessages) {
        this.#steals -= 1
        this.stolen += 1
        client.destroy()
      } else client.write(bytes)
    })
  }
}
