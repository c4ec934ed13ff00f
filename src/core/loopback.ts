// Recognizes the host names and addresses that only this machine can reach.

import { lookup } from 'node:dns/promises'
import { isIPv4 } from 'node:net'

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

/** Looks the name up: it may mean an address that only this machine can reach. */
export async function isOnlyOurs(host: string): Promise<boolean> {
  if (isLoopback(host)) return true
  const addresses = await lookup(host, { all: true })
  return addresses.every(({ address }) => isLoopback(address))
}
