// How a connection of ours logs in: it answers what PostgreSQL asks for before it lets a client in.
//
//   Authentication  'R'  i32 method  …     0: nothing more is asked for
//   10  SASL: names of mechanisms, each a cstring, then 0      11, 12  SASL goes on, ends: the rest of the message

import { createHash } from 'node:crypto'
import { FeedError } from '../../errors/feed-error.ts'
import { method, scram, scramPlus } from '../../wire/authentication.ts'
import { ScramClient, type ChannelBinding } from '../../wire/scram/scram.ts'
import { passwordMessage, saslFirstMessage } from '../../wire/frontend-messages.ts'
import type { AuthMethod } from '../connection-string/require-auth.ts'
import type { PostgresServer } from '../source-connection.ts'
import { endPointData } from '../tls/end-point.ts'

/** Methods that we do not have, by name. */
const others: Readonly<Record<number, string>> = {
  2: 'Kerberos V5',
  6: 'SCM credentials',
  [method.gss]: 'GSSAPI',
  [method.sspi]: 'SSPI',
}

export interface LoginOptions extends Pick<PostgresServer, 'user' | 'requireAuth' | 'channelBinding'> {
  readonly password: () => Promise<string>
  readonly isUnixSocket: boolean
  /** The certificate of the server, in DER; undefined: the connection is not encrypted. */
  readonly certificate: Buffer | undefined
}

type LoginPhase =
  | { readonly tag: 'waiting' }
  | { readonly tag: 'password sent' }
  | { readonly tag: 'scram'; readonly client: ScramClient; readonly isBound: boolean }
  | { readonly tag: 'over'; readonly isUnasked: boolean }

export class Login {
  readonly #options: LoginOptions
  #phase: LoginPhase = { tag: 'waiting' }
  /** The password, once it was used: a server that refuses it is not asked again and again with the same one. */
  usedPassword: string | undefined

  constructor(options: LoginOptions) {
    this.#options = options
  }

  /** Whether the server has let us in. */
  get isOver(): boolean {
    return this.#phase.tag === 'over'
  }

  /** Whether the server has let us in without asking for a password. */
  get isUnasked(): boolean {
    return this.#phase.tag === 'over' && this.#phase.isUnasked
  }

  /**
   * Returns the message that answers an Authentication message with the body `bytes[start, end)`, which may change after the
   * call; undefined: none. Throws FEED_SOURCE_REFUSED for what we cannot or will not answer, or rejects with it.
   */
  answer(bytes: Buffer, start: number, end: number): Promise<Buffer> | Buffer | undefined {
    const asked = bytes.readInt32BE(start)
    const body = Buffer.from(bytes.subarray(start + 4, end))
    switch (asked) {
      case method.ok:
        return this.#checkEnd()
      case method.cleartext:
        return this.#sendCleartext()
      case method.md5:
        return this.#sendMd5(body.subarray(0, 4))
      case method.sasl:
        return this.#beginScram(namesIn(body))
      case method.saslContinue:
        return this.#continueScram(body.toString('latin1'))
      case method.saslFinal:
        if (this.#phase.tag !== 'scram') throw refused('the server ends a login that was not begun')
        return this.#phase.client.verify(body.toString('latin1'))
      default:
        this.#checkAllowed(asked === method.gss ? 'gss' : asked === method.sspi ? 'sspi' : undefined)
        throw refused(
          `the server asks for ${others[asked] ?? `an unknown kind (${asked}) of`} authentication, which pg-changefeed does not have`,
          'let this role log in with scram-sha-256 in pg_hba.conf',
        )
    }
  }

  async #sendCleartext(): Promise<Buffer> {
    this.#checkAllowed('password')
    const { certificate, isUnixSocket } = this.#options
    if (certificate === undefined && !isUnixSocket) {
      throw refused(
        'the server asks for the password in clear text, and the connection is not encrypted',
        'use sslmode=require or stronger, or let this role log in with scram-sha-256 in pg_hba.conf',
        '28000',
      )
    }
    this.#phase = { tag: 'password sent' }
    return passwordMessage(`${await this.#password()}\0`)
  }

  async #sendMd5(salt: Buffer): Promise<Buffer> {
    this.#checkAllowed('md5')
    this.#phase = { tag: 'password sent' }
    const inner = md5(Buffer.from((await this.#password()) + this.#options.user))
    return passwordMessage(`md5${md5(Buffer.concat([Buffer.from(inner), salt]))}\0`)
  }

  #beginScram(mechanisms: readonly string[]): Buffer {
    if (!mechanisms.some((name) => name === scram || name === scramPlus)) {
      throw refused(
        mechanisms.includes('OAUTHBEARER')
          ? 'the server asks for OAuth authentication, which pg-changefeed does not have'
          : 'the server offers no way to log in that pg-changefeed has',
        'let this role log in with scram-sha-256 in pg_hba.conf',
      )
    }
    this.#checkAllowed('scram-sha-256')
    const binding = this.#binding(mechanisms.includes(scramPlus))
    if (binding.tag !== 'bound' && !mechanisms.includes(scram)) {
      throw refused('the server wants to be bound to its certificate (SCRAM-SHA-256-PLUS), which is not possible here')
    }
    const client = new ScramClient(binding)
    const isBound = binding.tag === 'bound'
    this.#phase = { tag: 'scram', client, isBound }
    return saslFirstMessage(isBound ? scramPlus : scram, client.first())
  }

  #binding(isOffered: boolean): ChannelBinding {
    const { certificate, channelBinding = 'prefer' } = this.#options
    if (channelBinding === 'disable') return { tag: 'n' }
    const data = certificate === undefined ? undefined : endPointData(certificate)
    if (isOffered && data !== undefined) return { tag: 'bound', data }
    if (channelBinding === 'require') {
      if (certificate === undefined) throw refused('channel_binding=require needs an encrypted connection')
      throw refused(
        data === undefined
          ? 'channel_binding=require is not possible with a certificate that is signed with Ed25519'
          : 'channel_binding=require, and the server does not offer it',
      )
    }
    // If the server offers what we cannot do, it must not be told that we could.
    return { tag: isOffered || data === undefined ? 'n' : 'y' }
  }

  async #continueScram(serverFirst: string): Promise<Buffer> {
    if (this.#phase.tag !== 'scram') throw refused('the server continues a login that was not begun')
    return passwordMessage(await this.#phase.client.final(serverFirst, await this.#password()))
  }

  #checkEnd(): undefined {
    const phase = this.#phase
    this.#phase = { tag: 'over', isUnasked: phase.tag === 'waiting' }
    if (phase.tag === 'scram' && !phase.client.isVerified) {
      throw refused('the server ended the login before it proved that it knows the password')
    }
    if (phase.tag === 'waiting') this.#checkAllowed('none')
    if (this.#options.channelBinding === 'require' && !(phase.tag === 'scram' && phase.isBound)) {
      throw refused('channel_binding=require, and the server let us in without it')
    }
  }

  /** `none`: the server lets us in without asking for anything, or by our certificate. */
  #checkAllowed(method: AuthMethod | undefined): void {
    const { requireAuth, channelBinding } = this.#options
    if (channelBinding === 'require' && method !== 'scram-sha-256' && method !== 'none') {
      throw refused(`channel_binding=require, and the server asks for ${method ?? 'something else'}`)
    }
    if (requireAuth === undefined || method === undefined || requireAuth.includes(method)) return
    const what = method === 'none' ? 'lets us in without authentication' : `asks for ${method}`
    throw refused(`the server ${what}, which require_auth does not allow`)
  }

  async #password(): Promise<string> {
    this.usedPassword ??= await this.#options.password()
    return this.usedPassword
  }
}

function namesIn(body: Buffer): readonly string[] {
  return body
    .toString('latin1')
    .split('\0')
    .filter((name) => name !== '')
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex')
}

/** Without `sqlstate` it is a reason to try nothing else. */
function refused(message: string, hint?: string, sqlstate = '08001'): FeedError {
  return new FeedError('FEED_SOURCE_REFUSED', message, { sqlstate, hint })
}
