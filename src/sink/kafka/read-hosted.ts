// Reads the credentials of hosted Kafkas, which imply TLS and SASL/PLAIN:
//
//   confluent-cloud  api_key and api_secret are user and password
//   azure-event-hub  shared_access_key_name and shared_access_key are a connection string, which is the password. kafka:// takes the
//                    same two parameters, and means the same with them
//
// The messages are those of CockroachDB.

import type { SinkParameters } from '../sink-parameters.ts'
import type { KafkaParameter } from './parameters.ts'
import type { KafkaPassword } from './spec.ts'

type Parameters = SinkParameters<KafkaParameter>

/** The user whose password is a connection string of Event Hubs. */
export const connectionStringUser = '$ConnectionString'

const implied = [
  ['tls_enabled', 'true'],
  ['sasl_enabled', 'true'],
  ['sasl_handshake', 'true'],
  ['sasl_mechanism', 'PLAIN'],
] as const

export interface WrittenHost {
  readonly scheme: string
  /** The host of the first broker; it names the namespace of Event Hubs. */
  readonly host: string
  readonly parameters: Parameters
}

/** Returns undefined if the URI is not that of a hosted Kafka. */
export function readHosted({ scheme, host, parameters }: WrittenHost): KafkaPassword | undefined {
  const need = (name: KafkaParameter, value = parameters.text(name)): string => {
    if (value === undefined || value === '') throw parameters.refused(`scheme ${scheme} requires parameter ${name}`)
    return value
  }
  if (scheme === 'confluent-cloud') {
    const user = need('api_key')
    const password = plusses(need('api_secret'))
    refuseOthers(parameters)
    return { mechanism: 'PLAIN', user, password }
  }
  const names = ['shared_access_key_name', 'shared_access_key'] as const
  const [name, key] = names.map((one) => parameters.text(one))
  if (scheme === 'kafka' && name === undefined && key === undefined) return undefined
  const policy = `SharedAccessKeyName=${need(names[0], name)};SharedAccessKey=${plusses(need(names[1], key))}`
  refuseOthers(parameters)
  return {
    mechanism: 'PLAIN',
    user: connectionStringUser,
    password: `Endpoint=sb://${host}/;${policy}`,
  }
}

/** Such secrets are base64: a plus sign that was not escaped arrives as a blank. */
function plusses(secret: string): string {
  return secret.replaceAll(' ', '+')
}

/** What is implied may be written, and nothing else. */
function refuseOthers(parameters: Parameters): void {
  for (const [name, only] of implied) {
    const given = parameters.text(name)
    if (given !== undefined && given.toLowerCase() !== only.toLowerCase())
      throw parameters.refused(`unsupported value ${given} for parameter ${name}, please use ${only} instead`)
  }
}
