// Every parameter of a Pub/Sub sink URI, and every field of pubsub_sink_config, in two tables, from which
// docs/reference/sink-parameters.md is generated (`npm run reference`).

import { retryFields } from '../batching/read-batch-config.ts'
import { googleParameters } from '../google-credentials.ts'
import type { FieldFacts, SinkReference } from '../sink-facts.ts'
import type { ParameterFacts } from '../sink-parameters.ts'
import { topicParameters } from '../topic-names.ts'

export const pubsubParameters = {
  region: {
    about:
      'The region whose endpoint takes the messages, such as `us-east1`. Messages have ordering keys then. Without a region, the option `unordered` is needed.',
  },
  ...topicParameters,
  with_table_name_attribute: {
    value: 'bool',
    default: '`false`',
    about: 'Gives each message the attribute `TABLE_NAME`, by which subscriptions can filter.',
  },
  ...googleParameters,
} as const satisfies Readonly<Record<string, ParameterFacts>>

export type PubsubParameter = keyof typeof pubsubParameters

/** What Pub/Sub takes in a request, with some room for what is not counted here. */
export const mostMessages = 1000
export const mostBytes = 9_500_000
/** The size of a batch where the configuration has none. */
export const defaultMaxBytes = 1_000_000

/** The fields of the object itself (''), and of the objects Flush and Retry in it. */
export const pubsubConfigFields = {
  '': {
    Flush: { about: 'When a request is sent, and how large it may be: an object with the fields below.' },
    Retry: { about: 'What happens when Pub/Sub does not take a request: an object with the fields below.' },
  },
  Flush: {
    Messages: {
      default: '0',
      about:
        'A batch is sent when it has so many messages, and has no more then. The messages of a topic are in 64 batches, with an ordering key each; with `unordered`, in 8.',
    },
    Bytes: { default: '0', about: 'A batch is sent when it has so many bytes. It may have more.' },
    Frequency: {
      default: '0',
      about:
        'A batch waits so long for `Messages` and `Bytes`, counted from its first message: a duration such as `"500ms"`. `Messages` and `Bytes` are refused without it. If all three are 0, messages are sent as soon as the previous batch is acknowledged, and the next batch is larger the longer that takes.',
    },
    MaxMessages: {
      default: '`Messages`, or 1000',
      about:
        'The largest number of messages in a request: at most 1000. More are not an error; a notice says that 1000 count.',
    },
    MaxBytes: {
      default: '`Bytes`, at least 1000000',
      about: 'The largest size of a request: at most 9500000. A larger message is sent alone.',
    },
  },
  Retry: retryFields,
} as const satisfies Readonly<Record<string, Readonly<Record<string, FieldFacts>>>>

export const pubsubReference: SinkReference = {
  summary: 'How the Pub/Sub sink behaves is in the [guide](../guide/pubsub.md).',
  uri: {
    examples: ['gcpubsub://project?region=us-east1&AUTH=specified&CREDENTIALS=…', 'gcpubsub://project?AUTH=implicit'],
    about: `Values are percent-encoded. If the environment variable \`PUBSUB_EMULATOR_HOST\` of the server names a host and a port, the server
publishes to this emulator, without TLS and without credentials, whatever the region is.`,
    parameters: pubsubParameters,
  },
  config: {
    option: 'pubsub_sink_config',
    about: `A JSON object, for example \`'{"Flush": {"Messages": 100, "Frequency": "1s"}, "Retry": {"Max": "inf"}}'\`. Names are accepted in upper
and lower case.`,
    fields: pubsubConfigFields,
  },
}
