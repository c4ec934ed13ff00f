// The options with which the client library authenticates.

import { saslOAuthBearer, saslPlain, saslScramSha, type ConnectionOptions, type SASLOptions } from '@platformatic/kafka'
import type { KafkaSasl } from './spec.ts'
import type { TokenSource } from './token-source.ts'

type Authenticate = NonNullable<SASLOptions['authenticate']>

/**
 * The longest session that we report to the library. The library authenticates again when four fifths of a session are over, by a timer, and a
 * timer of more than 2^31 - 1 ms fires at once. Brokers accept a client that authenticates earlier than it must.
 */
const maxSessionMs = 2_500_000_000n

export function saslOptions(sasl: KafkaSasl, tokens: TokenSource | undefined): NonNullable<ConnectionOptions['sasl']> {
  if (sasl.mechanism !== 'OAUTHBEARER')
    return { mechanism: sasl.mechanism, username: sasl.user, password: sasl.password, authenticate }
  return {
    mechanism: sasl.mechanism,
    token: () => tokens?.get() ?? '',
    authenticate,
    // A broker that refuses a token answers with bytes that say why; otherwise it answers without any.
    authBytesValidator: (bytes: Buffer | null, callback) => {
      if (bytes === null || bytes.length === 0) {
        callback(null, bytes ?? Buffer.alloc(0))
        return
      }
      tokens?.forget()
      const [, status = 'no reason is given'] = /"status"\s*:\s*"([\w ]{1,50})"/.exec(bytes.toString('latin1')) ?? []
      callback(new Error(`the broker does not take the token: ${status}`))
    },
  }
}

/** Authenticates as the library does, except for the length of the session. */
const authenticate: Authenticate = (mechanism, connection, api, user, password, token, callback) => {
  const name = user ?? ''
  const secret = password ?? ''
  const bounded: typeof callback = (error, response) => {
    if (response !== undefined && response.sessionLifetimeMs > maxSessionMs)
      callback(error, { ...response, sessionLifetimeMs: maxSessionMs })
    else callback(error, response)
  }
  if (mechanism === 'OAUTHBEARER') saslOAuthBearer.authenticate(api, connection, token ?? '', {}, bounded)
  else if (mechanism === 'PLAIN') saslPlain.authenticate(api, connection, name, secret, bounded)
  else {
    const algorithm = mechanism === 'SCRAM-SHA-512' ? 'SHA-512' : 'SHA-256'
    saslScramSha.authenticate(api, connection, algorithm, name, secret, saslScramSha.defaultCrypto, bounded)
  }
}
