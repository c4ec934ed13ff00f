// Asks an OAuth 2 token endpoint for a token with the credentials of a client (RFC 6749, section 4.4). When it does not give one, the
// error says why: a refusal is final, anything else may be over at a later attempt. Errors show the endpoint's message, but never
// the secret or a token.

import type { KafkaOauth } from './spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Reach } from '../../net/guarded-lookup.ts'
import { flatMessage } from './kafka-errors.ts'
import { postForm, type FormAnswer } from './post-form.ts'

/** Statuses below 500 after which a later attempt may succeed: the request came too slowly, too early or too often. */
const passing: ReadonlySet<number> = new Set([408, 425, 429])
const maxSaid = 200

export interface Token {
  readonly value: string
  /** How long the token is valid; undefined: the endpoint does not say. */
  readonly lifetimeMs: number | undefined
}

export interface TokenEndpointOptions extends Reach {
  readonly sasl: KafkaOauth
  /** PEM text of a certificate authority that is trusted in addition to the usual ones. */
  readonly ca: string | undefined
  /** How long `ask` waits for the endpoint. */
  readonly withinMs: number
}

export class TokenEndpoint {
  readonly #options: TokenEndpointOptions
  /** The part of the request in which the endpoint accepts the credentials; undefined if it is not known yet. */
  #place: 'header' | 'body' | undefined

  constructor(options: TokenEndpointOptions) {
    this.#options = options
  }

  async ask(closed: AbortSignal): Promise<Token> {
    const signal = AbortSignal.any([closed, AbortSignal.timeout(this.#options.withinMs)])
    const place = this.#place ?? 'header'
    let answer = await this.#post(place, signal)
    // Every endpoint should accept the credentials in the header, but some accept them in the body only.
    if (this.#place === undefined && (answer.status === 400 || answer.status === 401) && !knowsClient(answer)) {
      const other = await this.#post('body', signal)
      if (isGood(other)) this.#place = 'body'
      if (isGood(other) || knowsClient(other)) answer = other
    } else if (isGood(answer)) this.#place = place
    if (!isGood(answer)) throw this.#refused(answer)
    return this.#token(answer)
  }

  async #post(place: 'header' | 'body', signal: AbortSignal): Promise<FormAnswer> {
    const { sasl, ca, withinMs, mayReachMetadata } = this.#options
    const { clientId, clientSecret, grantType, scopes, tokenUrl } = sasl
    const form = new URLSearchParams({ grant_type: grantType })
    if (scopes.length > 0) form.set('scope', scopes.join(' '))
    const headers: Record<string, string> = {}
    if (place === 'body') {
      form.set('client_id', clientId)
      form.set('client_secret', clientSecret)
    } else {
      const pair = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`
      headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`
    }
    try {
      return await postForm({ url: tokenUrl, form, headers, ca, signal, mayReachMetadata })
    } catch (error) {
      if ((error as Error).name === 'TimeoutError') {
        throw new FeedError('FEED_SINK', `${this.#name} did not answer within ${withinMs / 1000} s`, {
          hint: 'check sasl_token_url and the network in between',
        })
      }
      if (signal.aborted || error instanceof FeedError) throw error
      const said = flatMessage(error)
      throw new FeedError('FEED_SINK', `${this.#name} cannot be reached: ${said}`, { hint: hintOf(said), cause: error })
    }
  }

  #token({ body }: FormAnswer): Token {
    const { access_token: value, expires_in: expiresIn } = jsonObject(body)
    // SASL separates its fields by bytes that no such token contains.
    if (typeof value !== 'string' || !/^[A-Za-z0-9._~+/-]+=*$/.test(value)) {
      throw new FeedError('FEED_SINK', `${this.#name} gives no access_token`, {
        hint: 'check sasl_token_url: it names the token endpoint, not the issuer or a page for people',
      })
    }
    const seconds = Number(expiresIn)
    return { value, lifetimeMs: seconds > 0 ? seconds * 1000 : jwtLifetimeMs(value) }
  }

  #refused(answer: FormAnswer): FeedError {
    const { status, body } = answer
    const { error_description: description } = jsonObject(body)
    const said = [errorOf(answer), description].flatMap((text) => this.#shown(text)).join(': ')
    const what = said === '' ? String(status) : `${status} ${said}`
    if (status >= 500 || passing.has(status)) {
      return new FeedError('FEED_SINK', `${this.#name} gives no token at the moment: ${what}`, {
        hint: 'it may pass: try again, or ask whoever runs it',
      })
    }
    return new FeedError('FEED_CREDENTIALS', `${this.#name} refuses a token: ${what}`, {
      hint: refusalHint(status, errorOf(answer)),
    })
  }

  /** The URL without its query, which may contain a key. */
  get #name(): string {
    const { origin, pathname } = new URL(this.#options.sasl.tokenUrl)
    return `the token endpoint ${origin}${pathname}`
  }

  /** Returns the endpoint's message, unless it repeats a secret that we sent. */
  #shown(text: unknown): string[] {
    if (typeof text !== 'string' || text === '') return []
    const { clientSecret } = this.#options.sasl
    const secrets = [clientSecret, formEncoded(clientSecret), Buffer.from(clientSecret).toString('base64')]
    if (secrets.some((secret) => secret !== '' && text.includes(secret))) return []
    return [text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, maxSaid)]
  }
}

function isGood({ status }: FormAnswer): boolean {
  return status >= 200 && status < 300
}

/** Whether the endpoint refuses something other than the client, and so has read the credentials. */
function knowsClient(answer: FormAnswer): boolean {
  return ['invalid_scope', 'unsupported_grant_type', 'unauthorized_client'].includes(errorOf(answer) ?? '')
}

function errorOf({ body }: FormAnswer): string | undefined {
  const { error } = jsonObject(body)
  return typeof error === 'string' ? error : undefined
}

function refusalHint(status: number, error: string | undefined): string {
  if (status >= 300 && status < 400) return 'it redirects: give the URL that it leads to as sasl_token_url'
  if (status === 404 || status === 405) return 'check sasl_token_url'
  if (error === 'invalid_scope') return 'check sasl_scopes'
  if (error === 'unsupported_grant_type' || error === 'unauthorized_client')
    return 'check sasl_grant_type, and whether the client may use it'
  return 'check sasl_client_id and sasl_client_secret, which is given in base64: printf %s SECRET | base64 -w 0'
}

function hintOf(said: string): string {
  if (/self.signed|unable to (?:verify|get)/i.test(said))
    return 'give the CA that signed its certificate as ca_cert, or in NODE_EXTRA_CA_CERTS of the server'
  if (/expired/i.test(said)) return 'its certificate has run out: renew it'
  return 'check sasl_token_url and the network in between'
}

/** Encodes text as in a form, which is required inside the base64 of the header. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** Returns the lifetime that many tokens contain. */
function jwtLifetimeMs(token: string): number | undefined {
  const { exp, iat } = jsonObject(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
  if (typeof exp !== 'number') return undefined
  const ms = typeof iat === 'number' ? (exp - iat) * 1000 : exp * 1000 - Date.now()
  return ms > 0 ? ms : undefined
}
