// Ports of 127.0.0.1 that nobody listens on at the moment.

import { createServer, type AddressInfo } from 'node:net'

export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const server = createServer().listen(0, '127.0.0.1', resolve)
      await promise
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  for (const server of servers) server.close()
  return ports
}
