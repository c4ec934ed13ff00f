// What the client library is given to authenticate with.

import { saslOAuthBearer, saslPlain, saslScramSha, type ConnectionOptions, type SASLOptions } from '@platformatic/kafka'
import type { KafkaSasl } from './spec.ts'
import type { TokenSource } from './token-source.ts'

type Authenticate = NonNullable<SASLOptions['authenticate']>

/**
 * The longest session: the library authenticates again when four fifths of it are over, by a timer, and a timer of more
 * than 2^31 - 1 ms goes off at once. Brokers take it well when a client authenticates sooner.
 */
const maxSessionMs = 2_500_000_000n

export function saslOptions(sasl: KafkaSasl, tokens: TokenSource | undefined): NonNullable<ConnectionOptions['sasl']> {
  if (sasl.mechanism !== 'OAUTHBEARER')
    return { mechanism: sasl.mechanism, username: sasl.user, password: sasl.password, authenticate }
  return {
    mechanism: sasl.mechanism,
    token: () => tokens?.get() ?? '',
    authenticate,
    // A broker that does not take a token answers with bytes that say why, where it answers with none otherwise.
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

/** As the library does it, but for the length of the session. */
const authenticate: Authenticate = (mechanism, connection, api, user, password, token, callback) => {
  const bounded: typeof callback = (error, response) => {
    if (response !== undefined && response.sessionLifetimeMs > maxSessionMs)
      callback(error, { ...response, sessionLifetimeMs: maxSessionMs })
    else callback(error, response)
  }
  if (mechanism === 'OAUTHBEARER') saslOAuthBearer.authenticate(api, connection, token ?? '', {}, bounded)
  else if (mechanism === 'PLAIN') saslPlain.authenticate(api, connection, user ?? '', password ?? '', bounded)
  else {
    const algorithm = mechanism === 'SCRAM-SHA-512' ? 'SHA-512' : 'SHA-256'
    saslScramSha.authenticate(
      api,
      connection,
      algorithm,
      user ?? '',
      password ?? '',
      saslScramSha.defaultCrypto,
      bounded,
    )
  }
}
