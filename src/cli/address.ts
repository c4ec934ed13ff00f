// Reads addresses and ports from flags, and reports what is wrong with them.

import { isIPv6 } from 'node:net'
import { UsageError } from './usage-error.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

const mostPort = 65_535

/** `least` is 0 for a server, where port 0 means any free port. */
export function readPort(text: string, flag: string, least: 0 | 1 = 1): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`${flag}: "${text}" is not a port`, portHint(least))
  const port = Number(text)
  if (port < least || port > mostPort) throw new UsageError(`${flag}: port ${text} is out of range`, portHint(least))
  return port
}

function portHint(least: 0 | 1): string {
  return `ports go from ${least === 0 ? '0 (a free one)' : least} to ${mostPort}`
}

export interface AddressRules {
  readonly fallback: Address
  /** 0 for a server, where port 0 means any free port. */
  readonly leastPort: 0 | 1
}

/** `HOST`, `HOST:PORT`, `:PORT`, `[::1]:PORT`. */
export function readAddress(text: string, flag: string, { fallback, leastPort }: AddressRules): Address {
  const scheme = /^[a-z][a-z\d+.-]*:\/\//i.exec(text)?.[0]
  if (scheme !== undefined) {
    throw new UsageError(`${flag}=${text} is a URL, not an address`, `leave "${scheme}" and what follows HOST:PORT out`)
  }
  if (isIPv6(text)) {
    throw new UsageError(`${flag}=${text} does not say where the address ends`, `use brackets: ${flag}='[${text}]'`)
  }
  const match = /^(?:\[(?<ip>[^[\]]*)\]|(?<name>[^:[\]\s/@]*))(?::(?<port>.*))?$/.exec(text)?.groups
  const { ip, name = '', port } = match ?? {}
  if (match === undefined || (ip !== undefined && !isIPv6(ip))) {
    const hint = 'an address is HOST, HOST:PORT, :PORT or [IPv6]:PORT'
    throw new UsageError(`${flag}=${text} is not an address`, hint)
  }
  if (port === '') {
    throw new UsageError(
      `${flag}=${text} has no port behind its colon`,
      `leave the colon out for port ${fallback.port}, or name a port`,
    )
  }
  const host = ip ?? name
  return {
    host: host === '' ? fallback.host : host,
    port: port === undefined ? fallback.port : readPort(port, flag, leastPort),
  }
}

/** Returns a host as a URL contains it: an IPv6 address in brackets. */
export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** Returns the host to connect to: 127.0.0.1 for `localhost`, which may mean an IPv6 address, while our servers listen on IPv4. */
export function connectHost(host: string): string {
  return host === 'localhost' ? '127.0.0.1' : host
}
