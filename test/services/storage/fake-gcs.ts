// A service with the API of Google Cloud Storage. It checks no credentials itself, and does not say how far an upload has come: the front before it lets in who has a token that
// was issued to the key of a service account.

import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { goProgram } from '../go-program.ts'
import { freePorts } from '../kafka/free-ports.ts'
import { ServiceProcess, takesConnections } from '../service-process.ts'
import type { ObjectSource } from './folder-copy.ts'
import { ServiceFront, type FrontAnswer, type FrontRequest, type FrontTrouble } from './service-front.ts'

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** The JSON key of a service account, as Google gives it out. */
export const googleKey = {
  type: 'service_account',
  project_id: 'p',
  private_key_id: 'k1',
  private_key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  client_email: 'writer@p.iam.gserviceaccount.com',
  client_id: '1',
  token_uri: 'http://127.0.0.1:1/never-asked',
} as const

export class FakeGcs implements AsyncDisposable {
  readonly #service: ServiceProcess
  readonly #url: string
  /** The last byte that each upload has. */
  readonly #uploads = new Map<string, number | 'complete'>()
  /** Through which changefeeds reach it. */
  readonly front: ServiceFront
  /** What the front does with requests that have a token. */
  trouble: (request: FrontRequest) => FrontTrouble = () => 'pass'

  private constructor(
    service: ServiceProcess,
    { port, front, wantsToken }: { port: number; front: ServiceFront; wantsToken: boolean },
  ) {
    this.#service = service
    this.#url = `http://127.0.0.1:${port}`
    this.front = front
    front.passed = (request) => this.#note(request)
    front.trouble = (request) =>
      !wantsToken || /^Bearer good\d+$/.test(request.headers.authorization ?? '')
        ? (this.#progress(request) ?? this.trouble(request))
        : googleError(401, 'Invalid Credentials')
  }

  /** `wantsToken: false`: it is an emulator, to which no token is sent. */
  static async start({ wantsToken = true } = {}): Promise<FakeGcs> {
    const [port = 0] = await freePorts(1)
    const front = await ServiceFront.start(port)
    const service = await ServiceProcess.start({
      name: 'fake-gcs-server',
      command: goProgram('fake-gcs-server'),
      args: `-scheme http -host 127.0.0.1 -port ${port} -backend memory -external-url ${front.url} -public-host ${new URL(front.url).host} -log-level error`.split(
        ' ',
      ),
      isReady: () => takesConnections(port),
    })
    return new FakeGcs(service, { port, front, wantsToken })
  }

  #note({ path, headers }: FrontRequest): void {
    const [, end, total] = /^bytes (?:\*|\d+-(\d+))\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? []
    if (total !== undefined && total !== '*') this.#uploads.set(sessionOf(path), 'complete')
    else if (end !== undefined) this.#uploads.set(sessionOf(path), Number(end))
  }

  #progress({ path, headers }: FrontRequest): FrontTrouble | undefined {
    if (headers['content-range'] !== 'bytes */*') return undefined
    const last = this.#uploads.get(sessionOf(path))
    if (last === 'complete') return { status: 200, headers: { 'x-guploader-uploadid': '1' } }
    return last === undefined ? { status: 308 } : { status: 308, headers: { range: `bytes=0-${last}` } }
  }

  async makeBucket(name: string): Promise<void> {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${this.#url}/storage/v1/b?project=p`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ name }),
    })
    if (!answer.ok) throw new Error(`the bucket ${name} could not be made: ${answer.status}`)
  }

  /** All objects of a bucket. */
  source(bucket: string): ObjectSource {
    return { list: () => this.#list(bucket, ''), get: (name) => this.#get(bucket, name) }
  }

  async objects(bucket: string, folder: string): Promise<ReadonlyMap<string, Buffer>> {
    const found = new Map<string, Buffer>()
    for (const name of await this.#list(bucket, `${folder}/`))
      found.set(name.slice(folder.length + 1), await this.#get(bucket, name))
    return found
  }

  async #list(bucket: string, prefix: string): Promise<readonly string[]> {
    const query = new URLSearchParams({ prefix, fields: 'items(name)' })
    const list = await fetch(`${this.#url}/storage/v1/b/${bucket}/o?${query}`)
    const { items = [] } = (await list.json()) as { items?: readonly { readonly name: string }[] }
    return items.map(({ name }) => name)
  }

  async #get(bucket: string, name: string): Promise<Buffer> {
    const file = await fetch(`${this.#url}/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}?alt=media`)
    if (!file.ok) throw new Error(`${name} cannot be read: ${file.status}`)
    return Buffer.from(await file.arrayBuffer())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.front[Symbol.asyncDispose]()
    await this.#service[Symbol.asyncDispose]()
  }
}

function sessionOf(path: string): string {
  return /upload_id=([^&]*)/.exec(path)?.[1] ?? ''
}

/** The answer of Google to a request that it does not take. */
export function googleError(code: number, message = `no ${code}`): FrontAnswer {
  return {
    status: code,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ error: { code, message } }),
  }
}

/** What the key of the account gets at the issuer of tokens, whose answers are made here. Each token is another one. */
export function tokenFetch(): typeof fetch {
  return async (_url, options) => {
    const body = options?.body
    const assertion = new URLSearchParams(body instanceof URLSearchParams ? body : String(body)).get('assertion') ?? ''
    if (!isSignedByKey(assertion)) return Response.json({ error: 'invalid_grant' }, { status: 400 })
    return Response.json({ access_token: `good${++issued}`, expires_in: 3600, token_type: 'Bearer' })
  }
}
let issued = 0

/** Whether it is a JWT of the account, for writing into storage, that has not ended. */
function isSignedByKey(token: string): boolean {
  const [head = '', body = '', signature = ''] = token.split('.')
  const key = createPublicKey(privateKey)
  if (!verify('RSA-SHA256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'))) return false
  const {
    iss,
    exp = 0,
    scope = '',
  } = JSON.parse(Buffer.from(body, 'base64url').toString()) as {
    readonly iss?: string
    readonly exp?: number
    readonly scope?: string
  }
  return iss === googleKey.client_email && exp * 1000 > Date.now() && scope.includes('devstorage')
}
