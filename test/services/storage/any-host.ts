// A proxy that answers in the place of every host of a cloud, with a certificate that tests trust: for what clients send to hosts that
// no URI can move elsewhere.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { keptFolder } from '../kept-folder.ts'
import type { FrontAnswer } from './service-front.ts'

/** The names in the certificate. */
const hosts = [
  '*.s3.us-east-1.amazonaws.com',
  '*.s3.eu-central-1.amazonaws.com',
  's3.eu-central-1.amazonaws.com',
  'sts.us-east-1.amazonaws.com',
  'sts.eu-central-1.amazonaws.com',
  'storage.googleapis.com',
  'oauth2.googleapis.com',
  'sts.googleapis.com',
  'iamcredentials.googleapis.com',
  '*.blob.core.windows.net',
  '*.blob.core.usgovcloudapi.net',
  '*.blob.core.chinacloudapi.cn',
  '*.blob.core.cloudapi.de',
  'login.microsoftonline.com',
  'login.microsoftonline.us',
  'login.partner.microsoftonline.cn',
]

export interface HostRequest {
  readonly host: string
  readonly method: string
  /** The path and the parameters. */
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export class AnyHost implements AsyncDisposable {
  readonly requests: HostRequest[] = []
  answer: (request: HostRequest) => FrontAnswer = () => ({ status: 200 })
  readonly #proxy: Server
  readonly #tls: TlsServer
  readonly #sockets = new Set<Socket>()
  readonly #trustedBefore = getCACertificates('default')
  #port = 0

  private constructor() {
    const folder = certificate()
    this.trusted = join(folder, 'cert.pem')
    const [cert, key] = ['cert.pem', 'cert.key'].map((name) => readFileSync(join(folder, name)))
    this.#tls = createTlsServer({ cert: cert as Buffer, key: key as Buffer }, (request, response) => {
      this.#answer(request, response).catch(() => response.destroy())
    })
    this.#proxy = createServer((_, response) => response.writeHead(501).end())
    this.#proxy.on('connect', (_, socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket)).on('error', () => undefined)
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      this.#tls.emit('connection', socket)
    })
    setDefaultCACertificates([...this.#trustedBefore, String(cert)])
  }

  static async start(): Promise<AnyHost> {
    const host = new AnyHost()
    await new Promise<void>((done) => host.#proxy.listen(0, '127.0.0.1', done))
    const address = host.#proxy.address()
    host.#port = typeof address === 'object' && address !== null ? address.port : 0
    return host
  }

  /** For NODE_EXTRA_CA_CERTS of another process. */
  readonly trusted: string

  /** For HTTPS_PROXY. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    setDefaultCACertificates([...this.#trustedBefore])
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((done) => this.#proxy.close(done))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method = '', url: path = '', headers } = request
    const body = Buffer.concat(chunks).toString()
    const seen = { host: headers.host ?? '', method, path, headers, body }
    this.requests.push(seen)
    const answer = this.answer(seen)
    response.writeHead(answer.status, { ...answer.headers }).end(answer.body)
  }
}

function certificate(): string {
  return keptFolder({
    name: 'any-host-certificate',
    madeOf: [fileURLToPath(import.meta.url)],
    fill(into) {
      const names = `subjectAltName=${hosts.map((name) => `DNS:${name}`).join(',')}`
      const files = ['-keyout', join(into, 'cert.key'), '-out', join(into, 'cert.pem')]
      const subject = ['-subj', '/CN=hosts of clouds in tests', '-addext', names]
      const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3650', ...subject, ...files]
      const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
      if (status !== 0) throw new Error(`openssl failed: ${stderr}`)
    },
  })
}
