// Guesses what is wrong when no broker can be reached, by the messages of the library, of TLS and of the system.

import type { KafkaSinkSpec } from './spec.ts'
import { brokerAddress } from './broker-address.ts'
import { addressText } from './kafka-connections.ts'
import { connectionStringUser } from './read-hosted.ts'

export function connectHint(message: string, spec: KafkaSinkSpec): string | undefined {
  const { tls, sasl } = spec
  if (/sinks may not reach/.test(message))
    return 'the cluster setting changefeed.sink.allowed_hosts lists what they may reach'
  if (/ENOTFOUND|EAI_AGAIN/.test(message))
    return advertised(message, spec) ?? 'the host name is not known: check its spelling'
  if (/ECONNREFUSED/.test(message)) return advertised(message, spec) ?? 'no broker listens there: check host and port'
  if (/timed out|did not answer|EHOSTUNREACH|ENETUNREACH/.test(message)) {
    const wantsTls = tls === undefined ? ', and whether it wants TLS (tls_enabled=true)' : ''
    return advertised(message, spec) ?? `check host, port and the network in between${wantsTls}`
  }
  if (/does not speak Kafka/.test(message)) return 'what listens there is no Kafka broker: check host and port'
  if (/requires TLS/.test(message)) return 'the broker wants TLS on this port: tls_enabled=true'
  if (/certificate has expired|CERT_HAS_EXPIRED/i.test(message))
    return 'the certificate of the broker, or of the CA that signed it, has run out: renew it'
  if (/certificate is not yet valid|CERT_NOT_YET_VALID/i.test(message))
    return 'the certificate of the broker begins later than now: check the clocks'
  if (/alert certificate expired/i.test(message)) return 'client_cert has run out: renew it'
  if (/self.signed|unable to (?:verify|get)|CERT_/i.test(message))
    return 'give the CA that signed the broker’s certificate as ca_cert'
  if (/altnames/i.test(message)) return 'name the broker as its certificate does'
  if (/suitable SASL mechanism/.test(message))
    return 'the broker does not take this sasl_mechanism on this port, or no SASL at all'
  if (/does not take the token/.test(message))
    return 'compare what the broker expects of a token (issuer, audience, scopes) with sasl_token_url and sasl_scopes'
  if (/authenticat/i.test(message)) return `check ${credentialsOf(spec)}`
  if (tls === undefined)
    return /closed|ECONNRESET/i.test(message) ? 'the broker may want TLS on this port: tls_enabled=true' : undefined
  if (/TLS|SSL|wrong version|EPROTO/.test(message))
    return 'the broker does not speak TLS on this port: leave tls_enabled out, or take another port'
  if (!/closed|ECONNRESET/i.test(message) || sasl !== undefined) return undefined
  return tls.cert === undefined
    ? 'the broker may want sasl_enabled=true, or client_cert and client_key'
    : 'the broker may not trust client_cert, or want sasl_enabled=true'
}

/** Returns the parameters from which user and password come. */
function credentialsOf({ brokers, sasl }: KafkaSinkSpec): string {
  if (sasl !== undefined && 'user' in sasl && sasl.user === connectionStringUser)
    return 'shared_access_key_name and shared_access_key'
  const isConfluent = brokers.some((broker) => brokerAddress(broker).host.endsWith('.confluent.cloud'))
  return `${isConfluent ? 'api_key and api_secret, or ' : ''}sasl_mechanism, sasl_user and sasl_password`
}

/** Returns whether the address that failed is none of those in the URI, so that it is one that the brokers advertise. */
function advertised(message: string, { brokers }: KafkaSinkSpec): string | undefined {
  const [, host, port] = /Connection to (\S+):(\d+) (?:failed|timed out)/.exec(message) ?? []
  if (host === undefined) return undefined
  const address = addressText({ host, port: Number(port) })
  if (brokers.some((broker) => addressText(brokerAddress(broker)) === address)) return undefined
  return `the brokers of ${brokers[0]} want to be found at ${address}, which cannot be reached from here: see their advertised.listeners`
}
