// The messages by which PostgreSQL asks a client who it is, and the client's first answer to an offer of SASL.
//
//   Authentication  'R'  i32 method …           0: the client is let in
//     SASL          'R'  i32 10, cstring mechanism …, 0
//   SASLInitialResponse  'p'  cstring mechanism, i32 length, bytes      bytes of SCRAM begin with the flag of channel binding:
//                                                n: the client knows none; y: the client knows it, but was not offered it; p: it uses it

import { fromServer } from './tags.ts'

export const method = {
  ok: 0,
  cleartext: 3,
  md5: 5,
  gss: 7,
  gssContinue: 8,
  sspi: 9,
  sasl: 10,
  saslContinue: 11,
  saslFinal: 12,
} as const

export const scram = 'SCRAM-SHA-256'
/** SCRAM that is bound to the certificate of the server: it fails if TLS ends anywhere between client and server. */
export const scramPlus = 'SCRAM-SHA-256-PLUS'

/** `bytes[start]` is the tag. */
export function methodOf(bytes: Buffer, start: number): number {
  return bytes.readInt32BE(start + 5)
}

/** Returns the mechanisms that a message with method `sasl` offers. */
export function offeredMechanisms(message: Buffer): readonly string[] {
  return message
    .toString('latin1', 9)
    .split('\0')
    .filter((name) => name !== '')
}

export function saslOffer(mechanisms: readonly string[]): Buffer {
  const body = Buffer.from([...mechanisms, ''].map((name) => `${name}\0`).join(''), 'latin1')
  const message = Buffer.alloc(9 + body.length)
  message[0] = fromServer.authentication
  message.writeInt32BE(message.length - 1, 1)
  message.writeInt32BE(method.sasl, 5)
  body.copy(message, 9)
  return message
}

/** Returns the flag of channel binding in a client's first message of SCRAM: n, y or p; undefined if it has none. */
export function bindingFlag(message: Buffer): string | undefined {
  const zero = message.indexOf(0, 5)
  if (zero < 0 || message.length < zero + 6) return undefined
  return String.fromCharCode(message[zero + 5] as number)
}
