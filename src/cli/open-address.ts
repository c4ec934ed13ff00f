// Warns of addresses that other machines can reach. There is no TLS and no password, so everybody who reaches the SQL port is root:
// such an address needs a second flag, and there is a warning. Over HTTP other machines cannot change anything that they cannot by SQL;
// but it shows names of databases and errors of changefeeds, so there is a warning, too.

import { isOnlyOurs } from '../core/loopback.ts'
import type { Address } from './address.ts'
import { UsageError } from './usage-error.ts'

/** Returns undefined if only this machine can reach the address. */
export async function openSqlWarning({ host }: Address, isAccepted: boolean): Promise<string | undefined> {
  if (await isOnlyOurs(host)) return undefined
  if (!isAccepted) {
    throw new UsageError(
      `--listen-addr=${host} lets everybody who reaches this machine read, change and delete all data: with --insecure there are no passwords and no encryption`,
      'listen on localhost, or add --accept-sql-without-tls if that is meant',
    )
  }
  return `ALL SECURITY CONTROLS HAVE BEEN DISABLED!

This server runs with --insecure and listens on ${host}.
- Any client that can open a TCP connection to it is let in, as any user, without a password.
- Whoever listens on the network can read and change what goes to it and comes from it.
- Such a client can read, change and delete all data, and run programs with the rights of the database.

Listen on localhost, or keep the port behind a firewall.`
}

/** Returns undefined if only this machine can reach the address. `hasTls`: the port takes `https://`, too. */
export async function openHttpWarning({ host }: Address, hasTls: boolean): Promise<string | undefined> {
  if (await isOnlyOurs(host)) return undefined
  const how = hasTls
    ? 'and shows health and metrics without a password, over http:// as well as https://'
    : 'without encryption and passwords'
  return `HTTP listens on ${host} ${how}: whoever reaches this machine can read health and metrics there,
with the names of databases and the errors of their changefeeds. From another machine nothing can be changed,
except by who may do it by SQL.
Listen on localhost, or keep the port behind a firewall, if that is not meant.`
}
