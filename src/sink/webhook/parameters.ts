// Every parameter of a webhook sink URI that is for us, and every field of webhook_sink_config, in two tables, from which
// docs/reference/sink-parameters.md is generated (`npm run reference`).

import { retryFields } from '../batching/read-batch-config.ts'
import type { FieldFacts, SinkReference } from '../sink-facts.ts'
import type { ParameterFacts } from '../sink-parameters.ts'

export const webhookParameters = {
  ca_cert: {
    value: 'base64',
    default: 'the certificate authorities that Node.js trusts',
    isSecret: true,
    about: 'PEM certificate of the authority that signed the certificate of the endpoint.',
  },
  client_cert: { value: 'base64', isSecret: true, about: 'PEM certificate of this client; needs `client_key`.' },
  client_key: { value: 'base64', isSecret: true, about: 'Unencrypted PEM key of `client_cert`.' },
  insecure_tls_skip_verify: {
    value: 'bool',
    default: '`false`',
    about: 'Accepts any certificate of the endpoint. Only for tests.',
  },
  insecure_plain_http: {
    schemes: ['webhook-http'],
    value: 'bool',
    default: '`false`',
    about:
      'Must be `true` with `webhook-http://`, which sends rows and credentials without encryption, and only to this machine or into a private network.',
  },
} as const satisfies Readonly<Record<string, ParameterFacts>>

export type WebhookParameter = keyof typeof webhookParameters

/** The hard limits of a request where the configuration has none. */
export const defaultMaxMessages = 1000
export const defaultMaxBytes = 512 * 1024

/** The fields of the object itself (''), and of the objects Flush and Retry in it. */
export const webhookConfigFields = {
  '': {
    Flush: { about: 'When a request is sent, and how large it may be: an object with the fields below.' },
    Retry: { about: 'What happens when the endpoint does not take a request: an object with the fields below.' },
  },
  Flush: {
    Messages: {
      default: '0',
      about: 'Messages that wait are sent when there are so many; a request has no more then.',
    },
    Bytes: {
      default: '0',
      about: 'Messages that wait are sent when they have so many bytes. A request may have more.',
    },
    Frequency: {
      default: '0',
      about:
        'Messages wait so long for `Messages` and `Bytes`, counted from the first of them: a duration such as `"500ms"`. `Messages` and `Bytes` are refused without it. If all three are 0, messages are sent as soon as the endpoint has answered for earlier ones of their rows, and more of them share a request the longer that takes.',
    },
    MaxMessages: { default: '`Messages`, or 1000', about: 'The largest number of messages in a request.' },
    MaxBytes: {
      default: '`Bytes`, at least 512 KiB',
      about: 'The largest size of the body of a request, before compression. A larger message is sent alone.',
    },
  },
  Retry: retryFields,
} as const satisfies Readonly<Record<string, Readonly<Record<string, FieldFacts>>>>

export const webhookReference: SinkReference = {
  summary: 'How the webhook sink behaves, and what an endpoint has to do, is in the [guide](../guide/webhooks.md).',
  uri: {
    examples: [
      'webhook-https://host[:port]/path?parameter=value&…',
      'webhook-http://host[:port]/path?insecure_plain_http=true&…',
    ],
    about: `Parameters that are not in this table are part of the URL of the endpoint, and are passed on to it; SHOW JOBS shows
neither their values nor the path. \`user:password@\` before the host becomes an \`Authorization\` header, and is refused if an option gives one. Values are percent-encoded. Base64 is that of
the file: \`base64 -w 0 ca.pem\`.`,
    parameters: webhookParameters,
  },
  config: {
    option: 'webhook_sink_config',
    about: `A JSON object, for example \`'{"Flush": {"Messages": 100, "Frequency": "1s"}, "Retry": {"Max": "inf"}}'\`. Names are accepted in upper
and lower case.`,
    fields: webhookConfigFields,
  },
}
