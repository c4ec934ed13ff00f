// Checks whether a server can listen at an address. This happens before a store is made, so that a port in use leaves nothing behind.

import { createServer } from 'node:net'
import { listenAt } from '../errors/listen-at.ts'
import type { Address } from './address.ts'

/** Throws FEED_START with the reason if the server cannot listen. `flag` is the flag that names the address. */
export async function checkListen({ host, port }: Address, flag: string): Promise<void> {
  const server = createServer()
  await listenAt(server, { host, port, flag })
  await new Promise((resolve) => server.close(resolve))
}
