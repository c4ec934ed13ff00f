// The servers of a connection string: lists of hosts, IP addresses and ports that go together.

import { existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { FeedError } from '../../errors/feed-error.ts'
import type { ServerHost } from '../source-connection.ts'
import type { Parameters } from './parameters.ts'

const defaultPort = 5432
/** Where servers put their unix sockets: Debian's packages and others, PostgreSQL itself. */
export const socketDirs: readonly string[] = ['/var/run/postgresql', '/tmp']

/** Throws FEED_OPTION for lists of different lengths and for ports that are none. */
export function readHosts(parameters: Parameters): readonly [ServerHost, ...ServerHost[]] {
  const names = list(parameters.get('host'))
  const addresses = list(parameters.get('hostaddr'))
  const count = Math.max(names.length, addresses.length, 1)
  if (names.length > 0 && addresses.length > 0 && names.length !== addresses.length) {
    throw new FeedError('FEED_OPTION', `there are ${names.length} hosts, but ${addresses.length} values of hostaddr`)
  }
  const ports = list(parameters.get('port'))
  if (ports.length > 1 && ports.length !== count) {
    throw new FeedError(
      'FEED_OPTION',
      `there are ${ports.length} ports for ${count} ${count === 1 ? 'host' : 'hosts'}`,
      {
        hint: 'give one port for all hosts, or one for each',
      },
    )
  }
  const at = (i: number): ServerHost =>
    readHost(names[i] ?? '', addresses[i] ?? '', readPort(ports.length > 1 ? ports[i] : ports[0]))
  return [at(0), ...Array.from({ length: count - 1 }, (_, i) => at(i + 1))]
}

function readHost(name: string, address: string, port: number): ServerHost {
  if (address !== '') {
    if (isIP(address) === 0)
      throw new FeedError('FEED_OPTION', 'hostaddr is not an IP address', { hint: 'use host for names' })
    return { host: name === '' ? address : name, address, port }
  }
  if (name.startsWith('/') || name.startsWith('@')) return { host: name, socketDir: name, port }
  if (name !== '') return { host: name, port }
  const socketDir = socketDirs.find((dir) => existsSync(join(dir, `.s.PGSQL.${port}`))) ?? '/tmp'
  return { host: socketDir, socketDir, port }
}

function readPort(text = ''): number {
  if (text.trim() === '') return defaultPort
  const port = Number(text)
  if (!/^\s*\d+\s*$/.test(text) || port < 1 || port > 65_535) {
    throw new FeedError('FEED_OPTION', 'a port of the connection is not a number from 1 to 65535')
  }
  return port
}

function list(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : text.split(',').map((one) => one.trim())
}
