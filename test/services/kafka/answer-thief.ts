// Stands before a broker and can take its answers away: what was asked is done, the connection ends, and whoever asked
// does not know. It can also cut every connection, wherever in a request it is. The broker must be found at this port (advertised.listeners).

import { createServer, Socket, type AddressInfo, type Server } from 'node:net'
import { KafkaBroker } from './kafka-broker.ts'
import { endTogether, startTogether } from '../../support/services.ts'

export class AnswerThief implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #brokerPort = 0
  /** So many of the next answers are taken away. */
  #steals = 0
  stolen = 0
  #cutAfter = Number.POSITIVE_INFINITY
  cuts = 0

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

  /** What is on its way in either direction may be lost. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** A connection is cut when so many more bytes have come from clients that send messages; the rest of them is lost. */
  cutAfter(bytes: number): void {
    this.#cutAfter = bytes
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
    client.on('data', (bytes: Buffer) => {
      // Only over connections that bring messages.
      if (bytes.length > 10_000) carriesMessages = true
      if (carriesMessages) this.#cutAfter -= bytes.length
      if (this.#cutAfter <= 0) {
        this.#cutAfter = Number.POSITIVE_INFINITY
        this.cuts += 1
        // What comes before the cut arrives, as it would on a network.
        broker.end(bytes.subarray(0, bytes.length >> 1))
        client.destroy()
        return
      }
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

export interface BrokerBehindThief extends AsyncDisposable {
  readonly broker: KafkaBroker
  readonly thief: AnswerThief
}

/** A broker that is found at the thief's port. */
export async function startBehindThief(): Promise<BrokerBehindThief> {
  const started = await AnswerThief.start()
  const properties = [`advertised.listeners=PLAINTEXT://${started.bootstrap}`]
  const [thief, broker] = await startTogether(Promise.resolve(started), KafkaBroker.start({ properties }))
  thief.serve(broker.port)
  return { broker, thief, [Symbol.asyncDispose]: () => endTogether(thief, broker) }
}
