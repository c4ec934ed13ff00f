// Passes a login between a client and PostgreSQL. PostgreSQL decides; the front changes only the offer of channel binding, and ends
// a login that would show a password to somebody on the way, or that nobody has checked.
//
// Channel binding proves to the client that nobody reads its connection: its proof contains the certificate that the server of
// its TLS connection has shown. That is the front's; so it holds only if that is PostgreSQL's own.

import {
  bindingFlag,
  method,
  methodOf,
  offeredMechanisms,
  saslOffer,
  scram,
  scramPlus,
} from '../wire/authentication.ts'
import { isSafe, type Leg } from './leg.ts'
import { cannotBind, cannotPass, nobodyAsked, openPassword, unexpectedAnswer } from './login-errors.ts'
import { followLogin, type LoginPhase } from './login-phase.ts'

export interface LoginOptions {
  readonly client: Leg
  /** PostgreSQL's word is enough, also when it asks for nothing. */
  readonly acceptsUnasked: boolean
}

const unpassable: Readonly<Record<number, string>> = { [method.gss]: 'GSSAPI', [method.sspi]: 'SSPI' }

export class Login {
  readonly #options: LoginOptions
  #phase: LoginPhase = { tag: 'waiting' }

  constructor(options: LoginOptions) {
    this.#options = options
  }

  get phase(): LoginPhase {
    return this.#phase
  }

  /** Returns the Authentication message that the client gets for one of PostgreSQL. Throws if the login must end. */
  asks(message: Buffer, server: Leg): Buffer {
    const asked = methodOf(message, 0)
    switch (asked) {
      case method.ok:
        this.#letIn()
        return message
      case method.cleartext:
        this.#checkOpen(server)
        this.#enter({ tag: 'asked' })
        return message
      case method.md5:
        this.#enter({ tag: 'asked' })
        return message
      case method.sasl:
        return this.#offer(message, server)
      case method.saslContinue:
      case method.saslFinal:
        this.#enter({ tag: 'proving' })
        return message
      default:
        throw cannotPass(unpassable[asked] ?? `an unknown kind (${asked}) of`)
    }
  }

  /** Checks an answer of the client before it is passed on. */
  answers(message: Buffer): void {
    const phase = this.#phase
    if (phase.tag === 'waiting' || phase.tag === 'done') throw unexpectedAnswer()
    if (phase.tag !== 'offered') return
    // PostgreSQL would take it for an attack: the client says that nobody offered it what PostgreSQL has offered.
    if (phase.isCut && bindingFlag(message) === 'y') throw cannotBind()
    this.#enter({ tag: 'proving' })
  }

  #enter(phase: LoginPhase): void {
    this.#phase = followLogin(this.#phase, phase)
  }

  #letIn(): void {
    // PostgreSQL may have recognised our own user: by peer at a unix socket, by ident over TCP. It does not say by which method.
    if (this.#phase.tag === 'waiting' && !this.#options.acceptsUnasked) throw nobodyAsked()
    this.#enter({ tag: 'done' })
  }

  #checkOpen(server: Leg): void {
    if (!isSafe(this.#options.client)) throw openPassword('client')
    if (!isSafe(server)) throw openPassword('server')
  }

  #offer(message: Buffer, server: Leg): Buffer {
    const offered = offeredMechanisms(message)
    const mayBind = isBindable(this.#options.client, server)
    const passed = offered.filter((name) => name === scram || (name === scramPlus && mayBind))
    if (passed.length === 0) throw cannotPass(offered.join(' or '))
    this.#enter({ tag: 'offered', isCut: offered.includes(scramPlus) && !mayBind && this.#options.client.isEncrypted })
    return passed.length === offered.length ? message : saslOffer(passed)
  }
}

function isBindable({ certificate: shown }: Leg, { certificate: own }: Leg): boolean {
  return shown !== undefined && own !== undefined && shown.equals(own)
}
