// The messages of a client before it has a session: it may ask for TLS, which is refused, and then sends its start-up
// parameters, or a CancelRequest for another connection.
//
//   i32 length (itself included)  i32 code  …       code: a protocol version, or one of the requests

import type { Socket } from 'node:net'
import { requestCode } from '../wire/frontend-messages.ts'

const maxStartupBytes = 10_000
const withinMs = 60_000

export interface HandshakeOptions {
  readonly socket: Socket
  readonly cancel: (packet: Buffer) => void
  /** `rest` are the bytes after the packet. */
  readonly begin: (packet: Buffer, rest: Buffer) => void
}

export function shakeHands({ socket, cancel, begin }: HandshakeOptions): void {
  let held: Buffer = Buffer.alloc(0)
  const giveUp = setTimeout(() => socket.destroy(), withinMs)
  socket.once('close', () => clearTimeout(giveUp))
  const take = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk])
    while (held.length >= 8) {
      const length = held.readInt32BE(0)
      if (length < 8 || length > maxStartupBytes) {
        socket.destroy()
        return
      }
      if (held.length < length) return
      const packet = held.subarray(0, length)
      held = held.subarray(length)
      const code = packet.readInt32BE(4)
      if (code === requestCode.ssl || code === requestCode.gss) {
        // The client continues without encryption, or closes the connection.
        socket.write('N')
        continue
      }
      clearTimeout(giveUp)
      socket.off('data', take)
      if (code === requestCode.cancel) cancel(packet)
      else begin(packet, held)
      return
    }
  }
  socket.on('data', take)
}
