// A TCP port that leads to a unix socket, for clients that know no other way.

import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream'

interface SocketAddress {
  readonly socketDir?: string | undefined
  readonly port: number
}

export class TcpGate implements AsyncDisposable {
  /** Asked at each connection: a server that was restarted listens elsewhere. */
  readonly #to: () => SocketAddress
  readonly #server = createServer((client) => {
    const { socketDir = '', port } = this.#to()
    const server = connect(join(socketDir, `.s.PGSQL.${port}`))
    pipeline(client, server, () => client.destroy())
    pipeline(server, client, () => server.destroy())
  })

  private constructor(to: () => SocketAddress) {
    this.#to = to
  }

  static async open(to: () => SocketAddress): Promise<TcpGate> {
    const gate = new TcpGate(to)
    await new Promise<void>((resolve) => gate.#server.listen(0, '127.0.0.1', resolve))
    return gate
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Takes no more connections; those that are open end with their clients. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.unref()
  }
}
