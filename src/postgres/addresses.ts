// The addresses of a host. Names are looked up at every connection: behind a name there is another server after a fail-over.

import dns from 'node:dns/promises'
import { isIP } from 'node:net'
import { orLate, late } from '../async/or-late.ts'
import type { ServerHost } from './source-connection.ts'

/** Where exactly to connect: to a unix socket, or to an IP address. */
export type Address = { readonly tag: 'socket'; readonly dir: string } | { readonly tag: 'ip'; readonly ip: string }

/** Throws if the name is not known, or not found in time. */
export async function addressesOf(
  { host, socketDir, address }: ServerHost,
  withinMs: number,
): Promise<readonly Address[]> {
  if (socketDir !== undefined) return [{ tag: 'socket', dir: socketDir }]
  const literal = address ?? host
  if (isIP(literal.replace(/%.*$/, '')) !== 0) return [{ tag: 'ip', ip: literal }]
  const found = await orLate(dns.lookup(literal, { all: true, order: 'verbatim' }), withinMs)
  if (found === late) throw new Error(`the name was not found within ${withinMs / 1000} s`)
  return found.map(({ address: ip }) => ({ tag: 'ip', ip }))
}

/** How messages call a server: never with a role, a database or a credential. */
export function nameOf({ host, port, socketDir }: ServerHost, address?: Address): string {
  if (socketDir !== undefined) return `socket ${socketDir}/.s.PGSQL.${port}`
  const name = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return address?.tag === 'ip' && address.ip !== host ? `${name} (${address.ip})` : name
}
