// An OAuth 2 token endpoint for tests. It checks client, secret, grant type and scopes, and signs tokens with a key of its
// own, which brokers read from its JWKS. It can be told to refuse, to fail or to say nothing.

import { createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { KafkaOauth } from '../../../src/sink/kafka/spec.ts'
import type { KafkaOptions } from './kafka-broker.ts'

const issuer = 'test issuer'
const audience = 'kafka'

export interface TokenAnswer {
  readonly status: number
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export class TokenServer implements AsyncDisposable {
  readonly #server: Server
  readonly #keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
  readonly #scheme: string
  readonly clientId = 'feeds'
  /** Its form in a header, in a body and in base64 differ. */
  readonly clientSecret = 'sécret +/&=%:word'
  readonly scopes: readonly string[] = ['write', 'describe']
  lifetimeS = 3600
  /** Of the tokens that it gives. */
  audience = audience
  takesSecretIn: 'header' | 'body' = 'header'
  /** What it answers in place of a token; `hang`: nothing. */
  instead: TokenAnswer | 'hang' | undefined
  /** Requests for a token, answered or not. */
  requests = 0
  /** Tokens that it gave. */
  readonly given: string[] = []

  private constructor(tls: { readonly cert: string; readonly key: string } | undefined) {
    const answer = (request: IncomingMessage, response: ServerResponse): void => void this.#answer(request, response)
    this.#scheme = tls === undefined ? 'http' : 'https'
    this.#server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer)
  }

  static async start(tls?: { readonly cert: string; readonly key: string }): Promise<TokenServer> {
    const tokens = new TokenServer(tls)
    const { promise, resolve } = Promise.withResolvers<void>()
    tokens.#server.listen(0, '127.0.0.1', resolve)
    await promise
    return tokens
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `${this.#scheme}://localhost:${this.port}/token?key=in-the-query`
  }

  get sasl(): KafkaOauth {
    return {
      mechanism: 'OAUTHBEARER',
      clientId: this.clientId,
      clientSecret: this.clientSecret,
      tokenUrl: this.url,
      grantType: 'client_credentials',
      scopes: this.scopes,
    }
  }

  /** Parameters of a sink URI. */
  get parameters(): string {
    return [
      'tls_enabled=true&sasl_enabled=true&sasl_mechanism=OAUTHBEARER',
      `sasl_client_id=${this.clientId}`,
      `sasl_client_secret=${encodeURIComponent(Buffer.from(this.clientSecret).toString('base64'))}`,
      `sasl_token_url=${encodeURIComponent(this.url)}`,
      `sasl_scopes=${this.scopes.join(',')}`,
    ].join('&')
  }

  /** A broker that takes these tokens over its SASL listener. */
  get brokerOptions(): KafkaOptions & { readonly properties: readonly string[] } {
    const jwks = `http://127.0.0.1:${this.port}/jwks`
    const kafka = 'org.apache.kafka.common.security.oauthbearer'
    return {
      security: true,
      jvmFlags: ['-XX:TieredStopAtLevel=1', `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${jwks}`],
      properties: [
        'sasl.enabled.mechanisms=OAUTHBEARER',
        `listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=${kafka}.OAuthBearerLoginModule required;`,
        `listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class=${kafka}.OAuthBearerValidatorCallbackHandler`,
        `sasl.oauthbearer.jwks.endpoint.url=${jwks}`,
        `sasl.oauthbearer.expected.audience=${audience}`,
        `sasl.oauthbearer.expected.issuer=${issuer}`,
      ],
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.#server.closeAllConnections()
    await promise
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/jwks') {
      const key = { ...createPublicKey(this.#keys.privateKey).export({ format: 'jwk' }), kid: 'test', alg: 'RS256' }
      response.end(JSON.stringify({ keys: [key] }))
      return
    }
    let text = ''
    for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) text += chunk
    this.requests += 1
    if (this.instead === 'hang') return
    const { status, body, headers } = this.instead ?? this.#judge(request, new URLSearchParams(text))
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  }

  #judge({ method, url, headers }: IncomingMessage, form: URLSearchParams): TokenAnswer {
    const refuse = (status: number, error: string): TokenAnswer => ({ status, body: JSON.stringify({ error }) })
    if (method !== 'POST' || url?.startsWith('/token?') !== true) return { status: 404, body: 'not found' }
    const [, basic = ''] = /^Basic (.*)$/.exec(headers.authorization ?? '') ?? []
    const [id = '', secret = ''] =
      this.takesSecretIn === 'header'
        ? Buffer.from(basic, 'base64').toString().split(':').map(formDecoded)
        : [form.get('client_id') ?? '', form.get('client_secret') ?? '']
    if (id !== this.clientId || secret !== this.clientSecret) return refuse(401, 'invalid_client')
    if (form.get('grant_type') !== 'client_credentials') return refuse(400, 'unsupported_grant_type')
    if (form.get('scope') !== this.scopes.join(' ')) return refuse(400, 'invalid_scope')
    const token = this.#sign()
    this.given.push(token)
    const answer = { access_token: token, token_type: 'Bearer', expires_in: this.lifetimeS }
    return { status: 200, body: JSON.stringify(answer) }
  }

  #sign(): string {
    const nowS = Math.floor(Date.now() / 1000)
    const claims = {
      iss: issuer,
      sub: this.clientId,
      aud: this.audience,
      scope: this.scopes.join(' '),
      iat: nowS,
      exp: nowS + this.lifetimeS,
      jti: randomUUID(),
    }
    const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const text = `${encoded({ alg: 'RS256', kid: 'test', typ: 'JWT' })}.${encoded(claims)}`
    return `${text}.${sign('RSA-SHA256', Buffer.from(text), this.#keys.privateKey).toString('base64url')}`
  }
}

function formDecoded(text: string): string {
  return new URLSearchParams(`value=${text}`).get('value') ?? ''
}
