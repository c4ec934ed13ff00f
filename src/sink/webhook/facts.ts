// The facts of the webhook sink.

import { nearestName } from '../../core/nearest-name.ts'
import type { SinkFacts } from '../sink-facts.ts'
import { webhookParameters, webhookReference } from './parameters.ts'
import { readSpec } from './read-spec.ts'
import { originOf, type WebhookSinkSpec } from './spec.ts'

export const webhook: SinkFacts<WebhookSinkSpec> = {
  tag: 'webhook',
  label: 'webhook',
  schemes: ['webhook-https', 'webhook-http'],
  options: [
    'compression',
    'csv_header',
    'extra_headers',
    'webhook_auth_header',
    'webhook_client_timeout',
    'webhook_sink_config',
  ],
  // A request has no other place for them.
  forcedOptions: ['key_in_value', 'topic_in_value'],
  withoutFormats: ['avro', 'parquet', 'protobuf'],
  withoutEnvelopes: ['row', 'key_only'],
  passesParametersOn: true,
  showPlace,
  reference: webhookReference,
  readSpec,
  notices,
  addresses: ({ url }) => {
    const { hostname, port, protocol } = new URL(url)
    const defaultPort = protocol === 'https:' ? 443 : 80
    return [{ host: hostname, port: port === '' ? defaultPort : Number(port) }]
  },
  shownAs: originOf,
  open: () => import('./open.ts'),
}

/** For many services the path is all that a client must know to post. Keys in it may be as short as six letters, so no part is shown. */
function showPlace(place: string): string {
  const [host = '', path = ''] = place.split(/\/(.*)/s)
  return path === '' ? place : `${host}/redacted`
}

function notices({ url }: WebhookSinkSpec): readonly string[] {
  const { searchParams, protocol } = new URL(url)
  const found = [...searchParams.keys()].flatMap((name) => {
    const meant = nearestName(name, Object.keys(webhookParameters))
    return meant === undefined
      ? []
      : [`the parameter ${name} of the sink URI is passed on to the endpoint; did you mean ${meant}?`]
  })
  if (protocol === 'http:')
    found.push('webhook-http:// is not encrypted: whoever listens on the network can read the rows')
  return found
}
