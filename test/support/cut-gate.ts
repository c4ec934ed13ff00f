// A TCP port before a PostgreSQL, which can end connections: all of them, or the next ones after so many bytes of the server, so that
// they are cut somewhere in encryption, login, or the first statements.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export class CutGate implements AsyncDisposable {
  readonly #open = new Set<Socket>()
  readonly #server = createServer((client) => this.#serve(client))
  #port: number
  #cuts: number[] = []
  cut = 0

  private constructor(port: number) {
    this.#port = port
  }

  static async open(port: number): Promise<CutGate> {
    const gate = new CutGate(port)
    await new Promise<void>((resolve) => gate.#server.listen(0, '127.0.0.1', resolve))
    return gate
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** New connections go to this port from here on. */
  moveTo(port: number): void {
    this.#port = port
  }

  /** Each of the next connections ends when PostgreSQL has said so many bytes. */
  cutNext(afterBytes: readonly number[]): void {
    this.#cuts = [...afterBytes]
  }

  cutAll(): void {
    for (const socket of this.#open) socket.destroy()
  }

  /** From here on everything passes. */
  calm(): void {
    this.#cuts = []
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cutAll()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #serve(client: Socket): void {
    const server = connect(this.#port, '127.0.0.1')
    let left = this.#cuts.shift() ?? Number.POSITIVE_INFINITY
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(from)
      from.setNoDelay(true)
      from.on('error', () => to.destroy())
      from.once('close', () => {
        this.#open.delete(from)
        to.end()
      })
    }
    client.pipe(server)
    server.on('data', (bytes: Buffer) => {
      if (bytes.length < left) {
        left -= bytes.length
        if (!client.write(bytes)) {
          server.pause()
          client.once('drain', () => server.resume())
        }
        return
      }
      this.cut += 1
      client.write(bytes.subarray(0, left), () => client.destroy())
      server.destroy()
    })
  }
}
