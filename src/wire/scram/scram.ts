// The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL speaks it: the name of the user is empty, because the start-up
// packet contains it. With channel binding (-PLUS) the proof also covers the certificate of the server, so that nobody who
// relays the messages under another certificate can log in.
//
//   client  <binding header>n=,r=<nonce>
//   server  r=<nonce and more>,s=<salt>,i=<iterations>
//   client  c=<binding header and certificate hash>,r=<nonce>,p=<proof>
//   server  v=<signature>

import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { FeedError } from '../../errors/feed-error.ts'
import { saslPrep } from './sasl-prep.ts'

/** How the client treats channel binding: `n`: it cannot; `y`: it could, but the server does not offer it; otherwise it binds. */
export type ChannelBinding =
  | { readonly tag: 'n' }
  | { readonly tag: 'y' }
  | { readonly tag: 'bound'; readonly data: Buffer }

/** A server that asks for more wants to keep us busy. */
const mostIterations = 10_000_000
const derive = promisify(pbkdf2)

export class ScramClient {
  readonly #header: string
  readonly #bound: Buffer
  readonly #nonce: string
  #serverSignature: Buffer | undefined
  #isVerified = false

  constructor(binding: ChannelBinding, nonce: string = randomBytes(18).toString('base64')) {
    this.#header = binding.tag === 'bound' ? 'p=tls-server-end-point,,' : `${binding.tag},,`
    const data = binding.tag === 'bound' ? binding.data : Buffer.alloc(0)
    this.#bound = Buffer.concat([Buffer.from(this.#header), data])
    this.#nonce = nonce
  }

  /** Whether the server has proved that it knows the password. */
  get isVerified(): boolean {
    return this.#isVerified
  }

  first(user = ''): string {
    return `${this.#header}${this.#bare(user)}`
  }

  /** Answers the server's first message. */
  async final(serverFirst: string, password: string, user = ''): Promise<string> {
    const [, nonce = '', salt = '', count = ''] =
      /^r=([!-+\--~]+),s=([A-Za-z\d+/]+=*),i=(\d+)(?:,|$)/.exec(serverFirst) ?? []
    const iterations = Number(count)
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw refused('the server did not continue our nonce')
    }
    if (iterations < 1 || iterations > mostIterations)
      throw refused(`the server asks for ${iterations} iterations, and at most ${mostIterations} are done`)
    const salted = await derive(saslPrep(password), Buffer.from(salt, 'base64'), iterations, 32, 'sha256')
    const clientKey = hmac(salted, 'Client Key')
    const withoutProof = `c=${this.#bound.toString('base64')},r=${nonce}`
    const message = `${this.#bare(user)},${serverFirst},${withoutProof}`
    const signature = hmac(createHash('sha256').update(clientKey).digest(), message)
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] as number)))
    this.#serverSignature = hmac(hmac(salted, 'Server Key'), message)
    return `${withoutProof},p=${proof.toString('base64')}`
  }

  /** Checks the server's last message. Throws if the server does not know the password. */
  verify(serverFinal: string): undefined {
    const error = /^e=([^,]*)/.exec(serverFinal)?.[1]
    if (error !== undefined) throw refused(`the server says ${error}`)
    const signature = Buffer.from(/^v=([^,]*)/.exec(serverFinal)?.[1] ?? '', 'base64')
    const wanted = this.#serverSignature
    if (wanted === undefined || signature.length !== wanted.length || !timingSafeEqual(signature, wanted)) {
      throw refused('the server did not prove that it knows the password: it may be another server than the one meant')
    }
    this.#isVerified = true
  }

  #bare(user: string): string {
    return `n=${user},r=${this.#nonce}`
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function refused(why: string): FeedError {
  return new FeedError('FEED_SOURCE_REFUSED', `SCRAM-SHA-256 failed: ${why}`, { sqlstate: '08001' })
}
