// Every parameter of a Kafka sink URI, and every field of kafka_sink_config, in two tables, by which both are checked, and
// from which docs/reference/sink-parameters.md is generated (`npm run reference`).

import { retryFields } from '../batching/read-batch-config.ts'
import type { FieldFacts, SinkReference } from '../sink-facts.ts'
import { builtParameters, type ParameterFacts } from '../sink-parameters.ts'
import { topicParameters } from '../topic-names.ts'

const kafka = { schemes: ['kafka'] } as const
const oauth = 'With `sasl_mechanism=OAUTHBEARER`'
const msk = { ...kafka, built: false, about: 'With `sasl_mechanism=AWS_MSK_IAM`.' } as const

export const kafkaParameters = {
  ...topicParameters,
  tls_enabled: {
    value: 'bool',
    default: '`false`, `true` with the hosted schemes',
    about: 'Connects with TLS. The hosted schemes accept only `true`.',
  },
  ca_cert: {
    value: 'base64',
    default: 'the certificate authorities that Node.js trusts',
    isSecret: true,
    about: 'PEM certificate of the authority that signed the certificates of the brokers; needs `tls_enabled=true`.',
  },
  client_cert: { value: 'base64', isSecret: true, about: 'PEM certificate of this client; needs `client_key`.' },
  client_key: { value: 'base64', isSecret: true, about: 'Unencrypted PEM key of `client_cert`.' },
  insecure_tls_skip_verify: {
    value: 'bool',
    default: '`false`',
    about: 'Accepts any certificate of a broker. Only for tests.',
  },
  sasl_enabled: { value: 'bool', default: '`false`', about: 'Authenticates with SASL; needs `tls_enabled=true`.' },
  sasl_handshake: {
    value: 'bool',
    about: 'Accepted with `sasl_enabled=true`, without effect: there is always a handshake.',
  },
  sasl_mechanism: {
    default: '`PLAIN`',
    about:
      '`PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`, also with the prefix `SASL-`. The hosted schemes accept only `PLAIN`.',
  },
  sasl_user: { ...kafka, about: 'User for `PLAIN` and the SCRAM mechanisms.' },
  sasl_password: { ...kafka, isSecret: true, about: 'Password of `sasl_user`.' },
  sasl_client_id: { ...kafka, about: `${oauth}: the client id at the issuer of tokens.` },
  sasl_client_secret: { ...kafka, value: 'base64', isSecret: true, about: `${oauth}: the secret of this client.` },
  sasl_token_url: { ...kafka, about: `${oauth}: the URL of the token endpoint, percent-encoded.` },
  sasl_grant_type: {
    ...kafka,
    default: '`client_credentials`',
    about: `${oauth}: the grant type that is sent to the token endpoint.`,
  },
  sasl_scopes: { ...kafka, value: 'list', about: `${oauth}: the scopes that are asked for.` },
  api_key: { schemes: ['confluent-cloud'], about: 'API key of the cluster.' },
  api_secret: { schemes: ['confluent-cloud'], isSecret: true, about: 'Secret of `api_key`, percent-encoded.' },
  shared_access_key_name: {
    schemes: ['azure-event-hub', 'kafka'],
    about:
      'Name of a shared access policy of the namespace with the right to send. With `kafka://`, too, it implies TLS and SASL.',
  },
  shared_access_key: {
    schemes: ['azure-event-hub', 'kafka'],
    isSecret: true,
    about: 'Key of `shared_access_key_name`, percent-encoded.',
  },
  sasl_aws_region: msk,
  sasl_aws_iam_role_arn: msk,
  sasl_aws_iam_session_name: msk,
  schema_topic: { built: false, about: 'A topic for the schemas.' },
} as const satisfies Readonly<Record<string, ParameterFacts>>

export type KafkaParameter = keyof typeof kafkaParameters

export const builtKafkaParameters = builtParameters(kafkaParameters)

/** Below the brokers' usual limit of 1 MiB, with room for the header. */
export const mostBatchBytes = 900 * 1024

/** The fields of the object itself (''), and of the objects Flush and Retry in it. */
export const kafkaConfigFields = {
  '': {
    ClientID: {
      default: '`CockroachDB`',
      about: 'The client id that brokers see, by which they apply quotas. Letters, digits, `.`, `_` and `-`.',
    },
    Flush: { about: 'When a batch is sent: an object with the fields below.' },
    RequiredAcks: {
      default: '`ONE`',
      about:
        'Who must have a batch before it counts as sent: nobody (`NONE`, `0`), the leader of the partition (`ONE`, `1`), or all in-sync replicas (`ALL`, `-1`).',
    },
    Compression: { default: '`NONE`', about: '`NONE`, `GZIP`, `SNAPPY`, `LZ4` or `ZSTD`.' },
    CompressionLevel: {
      about: '-2 to 9 for `GZIP`, 1 to 4 for `ZSTD`, 0 or a power of two from 512 to 131072 for `LZ4`.',
    },
    Version: { about: 'Accepted, without effect: the brokers are asked which versions they support.' },
    Retry: { about: 'What happens when a broker does not take a batch: an object with the fields below.' },
  },
  Flush: {
    Messages: { default: '0', about: 'A batch of a partition is sent when it has this many messages.' },
    Bytes: { default: '0', about: 'A batch of a partition is sent when it has this many bytes.' },
    Frequency: {
      default: '0',
      about:
        'A batch of a partition is sent when its first message is this old, a duration such as `"500ms"`. `Messages` and `Bytes` are refused without it. If all three are 0, a batch is sent as soon as the previous batch of its partition is done.',
    },
    MaxMessages: { default: '0: no limit', about: 'The largest number of messages in a request.' },
    MaxBytes: {
      default: '`921600`',
      about: 'The largest number of bytes in a batch: at most 921600. A larger message is sent alone.',
    },
  },
  Retry: retryFields,
} as const satisfies Readonly<Record<string, Readonly<Record<string, FieldFacts>>>>

export const kafkaReference: SinkReference = {
  summary: 'How the Kafka sink behaves is in the [guide](../guide/kafka.md).',
  uri: {
    examples: [
      'kafka://host[:port][,…]?parameter=value&…',
      'confluent-cloud://host:9092?api_key=…&api_secret=…',
      'azure-event-hub://host:9093?shared_access_key_name=…&shared_access_key=…',
    ],
    about: `The last two, the hosted schemes, imply TLS and SASL/PLAIN. Values are percent-encoded. Base64 is that of the file or the text:
\`base64 -w 0 ca.pem\`, \`printf %s SECRET | base64 -w 0\`. A list has commas or blanks between its members, or the parameter is
given several times.`,
    parameters: kafkaParameters,
  },
  config: {
    option: 'kafka_sink_config',
    about: `A JSON object, for example \`'{"RequiredAcks": "ALL", "Flush": {"Messages": 1000, "Frequency": "1s"}}'\`. Names are accepted in upper and
lower case. The [guide](../guide/kafka.md#kafka_sink_config) says what each kind of acknowledgement is worth.`,
    fields: kafkaConfigFields,
  },
}
