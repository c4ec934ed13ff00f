// Reads the SASL parameters of a Kafka sink URI. Which parameters belong to which mechanism, and the messages about them,
// are those of CockroachDB.

import type { KafkaOauth, KafkaSasl } from './spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { KafkaParameter } from './parameters.ts'
import type { SinkParameters } from '../sink-parameters.ts'

type Parameters = SinkParameters<KafkaParameter>

/** Parameters that belong to one mechanism. */
const ofMechanism = {
  OAUTHBEARER: ['sasl_client_id', 'sasl_client_secret', 'sasl_token_url', 'sasl_grant_type', 'sasl_scopes'],
  AWS_MSK_IAM: ['sasl_aws_region', 'sasl_aws_iam_role_arn', 'sasl_aws_iam_session_name'],
} as const
const mechanisms = ['AWS_MSK_IAM', 'OAUTHBEARER', 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

type Mechanism = (typeof mechanisms)[number]

export function readSasl(parameters: Parameters): KafkaSasl | undefined {
  const enabled = parameters.bool('sasl_enabled') ?? false
  const handshake = parameters.bool('sasl_handshake')
  const mechanism = parameters
    .text('sasl_mechanism')
    ?.replace(/^SASL-/i, '')
    .toUpperCase()
  if (!enabled) {
    if (handshake !== undefined)
      throw parameters.refused('sasl_enabled must be enabled to configure SASL handshake behavior')
    if (mechanism !== undefined) throw parameters.refused('sasl_enabled must be enabled to configure SASL mechanism')
    for (const name of ['sasl_user', 'sasl_password', ...Object.values(ofMechanism).flat()] as const) {
      if (parameters.text(name) !== undefined)
        throw parameters.refused(`sasl_enabled must be enabled if ${name} is provided`)
    }
    return undefined
  }
  const chosen = mechanisms.find((known) => known === (mechanism ?? 'PLAIN'))
  if (chosen === undefined) {
    throw parameters.refused(
      'param sasl_mechanism must be one of AWS_MSK_IAM, OAUTHBEARER, PLAIN, SCRAM-SHA-256, or SCRAM-SHA-512',
    )
  }
  refuseOthers(chosen, parameters)
  // The parameters of the mechanism are not checked: nobody should have to correct them in vain.
  if (chosen === 'AWS_MSK_IAM') {
    throw new FeedError('FEED_UNSUPPORTED', 'sasl_mechanism=AWS_MSK_IAM is not supported yet', {
      hint: 'OAUTHBEARER, PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are; Amazon MSK takes SCRAM-SHA-512, too',
    })
  }
  if (chosen === 'OAUTHBEARER') return readOauth(parameters)
  const user = needed('sasl_user', chosen, parameters)
  return { mechanism: chosen, user, password: needed('sasl_password', chosen, parameters) }
}

/** Refuses the parameters of other mechanisms: a user who gives them wants another mechanism. */
function refuseOthers(chosen: Mechanism, parameters: Parameters): void {
  for (const [only, names] of Object.entries(ofMechanism)) {
    if (only === chosen) continue
    for (const name of names) {
      if (parameters.text(name) !== undefined)
        throw parameters.refused(`${name} is only a valid parameter for sasl_mechanism=${only}`)
    }
  }
}

function needed(name: KafkaParameter, mechanism: Mechanism, parameters: Parameters): string {
  const value = parameters.text(name)
  if (value === undefined || value === '')
    throw parameters.refused(`${name} must be provided when SASL is enabled using mechanism ${mechanism}`)
  return value
}

function readOauth(parameters: Parameters): KafkaOauth {
  const mechanism = 'OAUTHBEARER'
  for (const name of ['sasl_user', 'sasl_password'] as const) {
    if (parameters.text(name) !== undefined) {
      throw parameters.refused(
        `${name} is not a valid parameter for sasl_mechanism=${mechanism}`,
        'a token takes its place, which is fetched from sasl_token_url with sasl_client_id and sasl_client_secret',
      )
    }
  }
  const clientId = needed('sasl_client_id', mechanism, parameters)
  const clientSecret = parameters.base64('sasl_client_secret', 'utf8')
  if (clientSecret === undefined)
    throw parameters.refused(`sasl_client_secret must be provided when SASL is enabled using mechanism ${mechanism}`)
  const tokenUrl = readTokenUrl(needed('sasl_token_url', mechanism, parameters), parameters)
  const grantType = parameters.text('sasl_grant_type') ?? ''
  return {
    mechanism,
    clientId,
    clientSecret,
    tokenUrl,
    grantType: grantType === '' ? 'client_credentials' : grantType,
    scopes: parameters.list('sasl_scopes'),
  }
}

function readTokenUrl(text: string, parameters: Parameters): string {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw parameters.refused(
      'param sasl_token_url must be a URL that begins with https:// or http://',
      'percent-encode it: https%3A%2F%2Fidp.example.com%2Foauth2%2Ftoken',
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw parameters.refused(
      'param sasl_token_url holds no user and password',
      'give them as sasl_client_id and, in base64, sasl_client_secret',
    )
  }
  url.hash = ''
  return url.href
}
