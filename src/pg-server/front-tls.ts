// TLS of the front: its certificate and key, and the authority that has signed the certificates of clients. The files are read again
// when the program is asked to; until they are right, new connections use the earlier ones.

import { constants, createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createSecureContext, createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls'
import { certificateExpiry, firstEndMs, type CertificateEnd } from '../core/certificate-end.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { TlsBeginning } from './handshake.ts'

export interface FrontTlsFiles {
  /** PEM: the certificate of the server, and those of the authorities between it and the root. */
  readonly cert: string
  readonly key: string
  /** PEM: the authorities whose certificates clients must show; undefined: clients need none. */
  readonly clientCa?: string | undefined
}

/** By this name clients that begin with TLS say that they speak PostgreSQL's protocol. */
const protocol = 'postgresql'
const webProtocol = 'http/1.1'
const handshakeMs = 20_000

interface Loaded {
  readonly options: SecureContextOptions
  readonly certificate: X509Certificate
  readonly ends: readonly CertificateEnd[]
}

export class FrontTls {
  readonly #files: FrontTlsFiles
  #loaded: Loaded
  /** Do the handshakes; they listen nowhere. One is for clients that asked first, the other for those that did not. */
  readonly #asked: Server
  readonly #direct: Server
  /** For browsers at the HTTP address. */
  readonly #web: Server
  #webReady: (socket: TLSSocket) => void = () => undefined
  #ready: (socket: TLSSocket) => void = () => undefined

  private constructor(files: FrontTlsFiles) {
    this.#files = files
    this.#loaded = load(files)
    this.#asked = this.#server([protocol], (socket) => this.#ready(socket))
    // A browser says what is missing when the handshake itself asks for it.
    this.#web = this.#server([webProtocol], (socket) => this.#webReady(socket), this.asksForCertificates)
    this.#direct = this.#server([protocol], (socket) => {
      // Otherwise a browser could be made to send its requests here.
      if (socket.alpnProtocol === protocol) this.#ready(socket)
      else socket.destroy()
    })
  }

  /** Throws FEED_START if a file cannot be read, or they do not belong together. */
  static open(files: FrontTlsFiles): FrontTls {
    return new FrontTls(files)
  }

  get certificate(): X509Certificate {
    return this.#loaded.certificate
  }

  /** When the certificates of the files end that are used now. */
  get ends(): readonly CertificateEnd[] {
    return this.#loaded.ends
  }

  /** What is wrong with the time of the certificates; undefined: nothing for two weeks. */
  expiry(nowMs: number = Date.now()): string | undefined {
    const { cert, clientCa } = this.#files
    const found = this.ends.flatMap(
      (end) => certificateExpiry(end, { nowMs, file: end.flag === '--tls-cert' ? cert : clientCa }) ?? [],
    )
    return found.length === 0 ? undefined : found.map(({ error, hint }) => `${error}: ${hint}`).join('\n')
  }

  get asksForCertificates(): boolean {
    return this.#files.clientCa !== undefined
  }

  /** Reads the files again. Throws FEED_START, and keeps what it has, if they are not right. */
  reread(): void {
    this.#loaded = load(this.#files)
    for (const server of [this.#asked, this.#direct, this.#web]) server.setSecureContext(this.#loaded.options)
  }

  /** `ready` is called for each client whose handshake has succeeded. A client whose handshake fails is disconnected. */
  onReady(ready: (socket: TLSSocket) => void): void {
    this.#ready = ready
  }

  begin(socket: Socket, { isDirect, first }: TlsBeginning): void {
    socket.pause()
    if (first.length > 0) socket.unshift(first)
    const server = isDirect ? this.#direct : this.#asked
    server.emit('connection', socket)
  }

  /** Does the handshake with a client of the HTTP address, whose first bytes have not been read. */
  beginWeb(socket: Socket): void {
    this.#web.emit('connection', socket)
  }

  /** `ready` is called for each of these whose handshake has succeeded. */
  onWebReady(ready: (socket: TLSSocket) => void): void {
    this.#webReady = ready
  }

  /** `isStrict`: a client without a certificate that was accepted is disconnected. */
  #server(protocols: readonly string[], ready: (socket: TLSSocket) => void, isStrict = false): Server {
    const server = createServer({
      ...this.#loaded.options,
      ALPNProtocols: [...protocols],
      requestCert: this.asksForCertificates,
      // Clients of SQL get an error that they can read when they have sent their start-up packet.
      rejectUnauthorized: isStrict,
      handshakeTimeout: handshakeMs,
    })
    server.on('secureConnection', ready)
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    return server
  }
}

function load({ cert, key, clientCa }: FrontTlsFiles): Loaded {
  const certPem = read(cert, '--tls-cert')
  const keyPem = read(key, '--tls-key')
  const caPem = clientCa === undefined ? undefined : read(clientCa, '--tls-client-ca')
  checkKeyFile(key)
  const certificate = parsed('--tls-cert', cert, () => new X509Certificate(certPem))
  const privateKey = parsed('--tls-key', key, () => createPrivateKey(keyPem))
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new FeedError('FEED_START', `--tls-key=${key} is not the key of --tls-cert=${cert}`)
  }
  const ends: CertificateEnd[] = [{ flag: '--tls-cert', endMs: firstEndMs(certPem) }]
  if (clientCa !== undefined)
    ends.push({ flag: '--tls-client-ca', endMs: parsed('--tls-client-ca', clientCa, () => firstEndMs(caPem ?? '')) })
  const options: SecureContextOptions = {
    cert: certPem,
    key: keyPem,
    ...(caPem === undefined ? {} : { ca: caPem }),
    minVersion: 'TLSv1.2',
    // Without tickets every connection shows its certificates, so that a new --tls-client-ca counts at once.
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
  parsed('--tls-cert', cert, () => createSecureContext(options))
  return { options, certificate, ends }
}

function read(path: string, flag: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new FeedError('FEED_START', `cannot read ${flag}=${path}: ${(error as Error).message}`, { cause: error })
  }
}

function parsed<T>(flag: string, path: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    throw new FeedError('FEED_START', `${flag}=${path} cannot be used: ${(error as Error).message}`, {
      hint: code.includes('PASSPHRASE') ? 'take the passphrase away from the key' : 'it must be a PEM file',
      cause: error,
    })
  }
}

function checkKeyFile(path: string): void {
  if ((statSync(path).mode & 0o007) === 0) return
  throw new FeedError('FEED_START', `every user of this machine can read --tls-key=${path}`, {
    hint: `chmod 0600 ${path}`,
  })
}
