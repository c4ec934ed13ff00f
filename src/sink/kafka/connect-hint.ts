// What is probably wrong when no broker can be talked to, from what the library, TLS and the system say.

import type { KafkaSinkSpec } from '../../core/kafka-sink-spec.ts'

export function connectHint(message: string, { brokers, tls, sasl }: KafkaSinkSpec): string | undefined {
  if (/ENOTFOUND|EAI_AGAIN/.test(message))
    return foreign(message, brokers) ?? 'the host name is not known: check its spelling'
  if (/ECONNREFUSED/.test(message)) return foreign(message, brokers) ?? 'no broker listens there: check host and port'
  if (/self.signed|unable to (?:verify|get)|CERT_|certificate.*(?:altnames|expired|not yet valid)/i.test(message))
    return 'give the CA that signed the broker’s certificate as ca_cert, and the broker by a name that its certificate has'
  if (/certificate required|bad certificate|handshake failure/i.test(message))
    return 'the broker wants a certificate of the client: client_cert and client_key'
  if (/authenticat|SASL/i.test(message))
    return sasl === undefined
      ? 'the broker wants sasl_enabled=true'
      : 'check sasl_mechanism, sasl_user and sasl_password'
  if (tls !== undefined && /TLS|SSL|wrong version|ECONNRESET|EPROTO/i.test(message))
    return 'the broker does not speak TLS on this port: leave tls_enabled out, or take another port'
  if (tls === undefined && /closed|ECONNRESET|TLS/i.test(message))
    return 'the broker may want TLS on this port: tls_enabled=true'
  return undefined
}

/** The address that failed is none of those in the URI: the brokers gave it. */
function foreign(message: string, brokers: readonly string[]): string | undefined {
  const [, address] = /Connection to (\S+?) failed/.exec(message) ?? []
  if (address === undefined || brokers.includes(address)) return undefined
  return `the brokers of ${brokers[0]} want to be found at ${address}, which cannot be reached from here: see their advertised.listeners`
}
