// Begins TLS on a connection: the client asks for it and the server answers with one byte, or the client begins at once (direct
// negotiation, PostgreSQL 17). The name of the protocol, ALPN, is always sent; servers before 17 do not answer it.
//
//   client  i32 8, i32 80877103        server  'S' (TLS begins) or 'N' (no TLS here)

import { isIP, type OnReadOpts, type Socket } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { FeedError } from '../../errors/feed-error.ts'
import { requestCode } from '../../wire/frontend-messages.ts'
import type { TlsSettings } from '../source-connection.ts'
import { wrongName } from './server-name.ts'
import { tlsError } from './tls-errors.ts'
import { readTlsFiles } from './tls-files.ts'

const protocol = 'postgresql'

export interface EncryptOptions {
  readonly tls: TlsSettings
  /** The host that was meant, which the certificate has to name for sslmode=verify-full. */
  readonly host: string
  readonly onread: OnReadOpts | undefined
}

export interface Encrypted {
  readonly socket: TLSSocket
  /** In DER. */
  readonly certificate: Buffer
}

/** Rejects if the server does not encrypt, or is not the one that was meant. */
export async function encrypt(socket: Socket, { tls, host, onread }: EncryptOptions): Promise<Encrypted> {
  const options = tlsOptions(tls, host)
  if (!tls.isDirect) await request(socket)
  const encrypted = start(options, socket)
  // Nobody may listen any more when a second error comes.
  encrypted.on('error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    encrypted.once('secureConnect', resolve)
    encrypted.once('error', (error) => reject(tlsError(error)))
    encrypted.once('close', () => reject(noTls('the server closed the connection during the TLS handshake')))
  })
  if (tls.isDirect && encrypted.alpnProtocol !== protocol) {
    throw noTls('the server does not speak PostgreSQL over direct TLS (sslnegotiation=direct needs PostgreSQL 17)')
  }
  const { raw } = encrypted.getPeerCertificate()
  if (raw === undefined) throw noTls('the server has no certificate')
  const wrong = tls.mode === 'verify-full' ? wrongName(raw, host) : undefined
  if (wrong !== undefined) {
    throw noTls(wrong, 'connect with the name of the certificate, or use sslmode=verify-ca if the name does not matter')
  }
  if (onread !== undefined) readInto(encrypted, onread)
  return { socket: encrypted, certificate: raw }
}

/** Asks for TLS. Whatever else the server sends before it is forged: nothing is believed that was not encrypted. */
async function request(socket: Socket): Promise<void> {
  const packet = Buffer.alloc(8)
  packet.writeInt32BE(packet.length, 0)
  packet.writeInt32BE(requestCode.ssl, 4)
  const answer = await new Promise<Buffer>((resolve, reject) => {
    socket.once('data', (bytes: Buffer) => {
      socket.pause()
      resolve(bytes)
    })
    socket.once('close', () => reject(noTls('the server closed the connection when it was asked for TLS')))
    socket.write(packet)
  })
  const word = String.fromCharCode(answer[0] ?? 0)
  if (answer.length > 1 && word !== 'E') {
    throw noTls(
      'the server sent data in clear text after its answer about TLS',
      'somebody may be changing what is sent',
    )
  }
  if (word === 'S') return
  if (word === 'N') throw noTls('the server does not support TLS', 'turn on ssl there, or use sslmode=disable')
  throw noTls(`the server answered the request for TLS with ${word === 'E' ? 'an error' : 'something else'}`)
}

function start(options: ConnectionOptions, socket: Socket): TLSSocket {
  try {
    return connect({ ...options, socket })
  } catch (error) {
    throw tlsError(error as Error)
  }
}

function tlsOptions(tls: TlsSettings, host: string): ConnectionOptions {
  const { isVerified, ...files } = readTlsFiles(tls)
  return {
    ...files,
    rejectUnauthorized: isVerified,
    // The name is checked after the handshake, by the rules of libpq.
    checkServerIdentity: () => undefined,
    ALPNProtocols: [protocol],
    ...(isIP(host) !== 0 || host.startsWith('/') || tls.hidesName === true ? {} : { servername: host }),
    minVersion: tls.minVersion ?? 'TLSv1.2',
    ...(tls.maxVersion === undefined ? {} : { maxVersion: tls.maxVersion }),
  }
}

/** Gives decrypted bytes to the reader that the socket itself would have called. */
function readInto(socket: TLSSocket, { callback }: OnReadOpts): void {
  socket.on('data', (bytes: Buffer) => {
    if (!callback(bytes.length, bytes)) socket.pause()
  })
}

function noTls(message: string, hint?: string): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', message, { hint })
}
