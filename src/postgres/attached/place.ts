// What messages say of where a PostgreSQL is: never a password.

import type { ServerHost, SourceConnection } from '../source-connection.ts'

export function placeOf({ database, otherHosts = [], ...first }: SourceConnection): string {
  return `database "${database}" of PostgreSQL at ${[first, ...otherHosts].map(addressOf).join(' or ')}`
}

function addressOf({ host, port, socketDir }: ServerHost): string {
  if (socketDir !== undefined) return `${socketDir}, port ${port}`
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
