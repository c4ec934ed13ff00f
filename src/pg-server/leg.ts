// The two ends between which the front passes on what they say: the connection of a client, and its connection to PostgreSQL.

import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { isLoopback } from '../core/loopback.ts'

/** What somebody on the way between the front and one end could do. */
export interface Leg {
  readonly isEncrypted: boolean
  /** Nothing of it leaves this machine. */
  readonly isLocal: boolean
  /** The certificate that the server of this connection shows, as DER; undefined without TLS. */
  readonly certificate: Buffer | undefined
  /** It is a unix socket, where PostgreSQL may recognise the process at the other end. */
  readonly isUnixSocket: boolean
}

/** `certificate`: of the front, for the connection of a client. */
export function legOf(socket: Socket, certificate?: Buffer): Leg {
  const isEncrypted = socket instanceof TLSSocket
  const address = socket.remoteAddress
  const from = unmapped(address)
  const shown = isEncrypted ? (certificate ?? socket.getPeerX509Certificate()?.raw) : undefined
  return {
    isEncrypted,
    // A unix socket has no address, and neither has a connection that is closed already. A connection between an address and itself is one of
    // this machine: who forges the sender gets no answer.
    isLocal: address === undefined || isLoopback(from) || from === unmapped(socket.localAddress),
    isUnixSocket: address === undefined,
    certificate: shown,
  }
}

/** An IPv4 address on an IPv6 socket. */
function unmapped(address = ''): string {
  return address.replace(/^::ffff:/, '')
}

export function isSafe({ isEncrypted, isLocal }: Leg): boolean {
  return isEncrypted || isLocal
}
