// The facts of the Pub/Sub sink.

import { limitNotices } from '../batching/limit-notices.ts'
import { googleTokenAddresses } from '../google-credentials.ts'
import type { SinkAddress, SinkFacts } from '../sink-facts.ts'
import { mostBytes, mostMessages, pubsubReference } from './parameters.ts'
import { readSpec } from './read-spec.ts'
import { endpointOf, nameOf, type PubsubEndpoint, type PubsubSinkSpec } from './spec.ts'

export const pubsub: SinkFacts<PubsubSinkSpec> = {
  tag: 'pubsub',
  label: 'Pub/Sub',
  schemes: ['gcpubsub'],
  options: ['pubsub_sink_config'],
  withoutFormats: ['avro', 'parquet', 'protobuf'],
  withoutEnvelopes: ['row', 'key_only'],
  reference: pubsubReference,
  readSpec,
  topics: ({ topics }) => topics,
  notices: ({ flush }) =>
    limitNotices(flush, {
      option: 'pubsub_sink_config',
      what: 'a request to Pub/Sub',
      messages: mostMessages,
      bytes: mostBytes,
    }),
  addresses,
  isImplicit: (spec) => spec.credentials.key.tag === 'implicit' && !endpoint(spec).isEmulator,
  shownAs: nameOf,
  logTag: 'pubsub',
  open: () => import('./open.ts'),
}

function endpoint(spec: PubsubSinkSpec): PubsubEndpoint {
  return endpointOf(spec, process.env['PUBSUB_EMULATOR_HOST'])
}

function addresses(spec: PubsubSinkSpec): readonly SinkAddress[] {
  const { host, port, isEmulator } = endpoint(spec)
  return [{ host, port }, ...(isEmulator ? [] : googleTokenAddresses(spec.credentials))]
}
