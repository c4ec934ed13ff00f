// What messages say of where a PostgreSQL is: never a password.

import type { SourceConnection } from '../source-connection.ts'

export function placeOf({ host, port, socketDir, database }: SourceConnection): string {
  const address =
    socketDir === undefined ? `${host.includes(':') ? `[${host}]` : host}:${port}` : `${socketDir}, port ${port}`
  return `database "${database}" of PostgreSQL at ${address}`
}
