// Without TLS and passwords, whoever reaches the SQL port is root. An address that others can reach is refused unless it is
// said twice, and then warned of.

import { isLoopback } from '../core/loopback.ts'
import { UsageError, type Address } from './usage-error.ts'

/** Undefined: nobody else reaches it. */
export function openAddressWarning(listen: Address, isAccepted: boolean): string | undefined {
  if (isLoopback(listen.host)) return undefined
  if (!isAccepted) {
    throw new UsageError(
      `--listen-addr=${listen.host} lets everybody who reaches this machine read, change and delete all data: with --insecure there are no passwords and no encryption. Listen on localhost, or add --accept-sql-without-tls if that is meant`,
    )
  }
  return `ALL SECURITY CONTROLS HAVE BEEN DISABLED!

This server runs with --insecure and listens on ${listen.host}.
- Any client that can open a TCP connection to it is let in, as any user, without a password.
- Whoever listens on the network can read and change what goes to it and comes from it.
- Such a client can read, change and delete all data, and run programs with the rights of the database.

Listen on localhost, or keep the port behind a firewall.`
}
