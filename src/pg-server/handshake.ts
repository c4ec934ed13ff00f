// The messages of a client before it has a session: it may ask for TLS, or begin with it, and then sends its start-up parameters,
// or a CancelRequest for another connection.
//
//   i32 length (itself included)  i32 code  …       code: a protocol version, or one of the requests
//
// Nothing that was sent before TLS counts after it: somebody on the way could have put it there.

import type { Socket } from 'node:net'
import { FeedError } from '../errors/feed-error.ts'
import { errorResponse } from '../wire/backend-writer.ts'
import { requestCode } from '../wire/frontend-messages.ts'

const maxStartupBytes = 10_000
const withinMs = 60_000
/** The first byte of a ClientHello; the first byte of a packet is zero, because packets are short. */
const clientHello = 0x16

/** How a client begins TLS. */
export interface TlsBeginning {
  /** It has not asked for it. */
  readonly isDirect: boolean
  /** What it has sent of it already. */
  readonly first: Buffer
}

export interface HandshakeOptions {
  readonly socket: Socket
  readonly cancel: (packet: Buffer) => void
  /** `rest` are the bytes after the packet. */
  readonly begin: (packet: Buffer, rest: Buffer) => void
  /** Begins TLS on the socket; undefined: there is no TLS, or it has begun. */
  readonly encrypt?: ((how: TlsBeginning) => void) | undefined
}

export function shakeHands({ socket, cancel, begin, encrypt }: HandshakeOptions): void {
  let held: Buffer = Buffer.alloc(0)
  let isFirst = true
  const giveUp = setTimeout(() => socket.destroy(), withinMs)
  socket.once('close', () => clearTimeout(giveUp))
  const done = (): void => {
    clearTimeout(giveUp)
    socket.off('data', take)
  }
  const take = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk])
    if (isFirst && held[0] === clientHello && encrypt !== undefined) {
      done()
      encrypt({ isDirect: true, first: held })
      return
    }
    isFirst = false
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
      if (code === requestCode.ssl && encrypt !== undefined) {
        done()
        if (held.length > 0) {
          socket.end(errorResponse(sentBeforeTls(), 'FATAL'))
          return
        }
        socket.write('S')
        encrypt({ isDirect: false, first: held })
        return
      }
      if (code === requestCode.ssl || code === requestCode.gss) {
        // The client continues without encryption, or closes the connection.
        socket.write('N')
        continue
      }
      done()
      if (code === requestCode.cancel) cancel(packet)
      else begin(packet, held)
      return
    }
  }
  socket.on('data', take)
}

function sentBeforeTls(): FeedError {
  return new FeedError('FEED_PROTOCOL', 'the client has sent unencrypted data after its request for TLS')
}
