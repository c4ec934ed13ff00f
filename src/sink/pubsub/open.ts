// Opens a Pub/Sub sink, or only checks whether it could be opened: the endpoint, the credentials and the topics, which are created
// where they are missing.
//
// Order: Pub/Sub orders the messages of an ordering key, and takes only one such key in a request. So the key of a lane is the
// ordering key, not that of a row: each row belongs to one lane by its key, and requests have the messages of many rows.

import { fnv1a } from '../../bytes/fnv1a.ts'
import { BatchingSink, type LaneMap } from '../batching/batching-sink.ts'
import type { Lane } from '../batching/lane.ts'
import { Lanes } from '../batching/lanes.ts'
import { GoogleTokens } from '../google-tokens.ts'
import type { SinkDialing, SinkLog, SinkOpening } from '../sink-facts.ts'
import { GrpcChannel } from './grpc-channel.ts'
import { defaultMaxBytes, mostBytes, mostMessages } from './parameters.ts'
import { overheadOf, placeOf, type PubsubPlace } from './publish-request.ts'
import { Publisher, type PublisherOptions } from './publisher.ts'
import { PubsubBody } from './pubsub-body.ts'
import { PubsubClient } from './pubsub-client.ts'
import { endpointOf, nameOf, type PubsubEndpoint, type PubsubSinkSpec } from './spec.ts'

export type PubsubSink = BatchingSink<PubsubPlace, PubsubBody>

/**
 * Ordering keys of a topic. Pub/Sub takes 1 MB/s for each of them, and a subscription works on them side by side. The number never
 * changes: a row whose ordering key becomes another one could overtake itself.
 */
const orderingKeys = 64
/** Lanes of a topic without ordering keys. */
const unorderedLanes = 8
/** Requests at the same time, over all topics. Google takes 100 on a connection. */
const maxRequests = 64
const budgetBytes = 8 * 1024 * 1024
/** A request that has no answer after this time has failed. */
const requestMs = 60_000
const scope = 'https://www.googleapis.com/auth/pubsub'

export interface OpenOptions extends Pick<SinkOpening, 'log' | 'signal' | 'meter'> {
  /** Undefined: as the specification and the environment say. */
  readonly endpoint?: PubsubEndpoint
  readonly tokens?: PublisherOptions['tokens']
  readonly timeoutMs?: number
}

export async function open(spec: PubsubSinkSpec, options: OpenOptions): Promise<PubsubSink> {
  const { log, signal, meter } = options
  const publisher = publisherOf(spec, options)
  const client = new PubsubClient(publisher)
  const places = placesOf(spec)
  try {
    await publisher.prepare(topicsOf(places), signal)
  } catch (error) {
    publisher[Symbol.dispose]()
    signal.throwIfAborted()
    throw client.toError(error)
  }
  const { maxMessages = 0, maxBytes = 0, messages, bytes } = spec.flush
  const overheadBytes = Math.max(...places.flat().map(overheadOf))
  const lanes = new Lanes<PubsubPlace, PubsubBody>({
    newBody: () => new PubsubBody(overheadBytes),
    limits: {
      bytes: Math.min(maxBytes > 0 ? maxBytes : Math.max(defaultMaxBytes, bytes), mostBytes),
      messages: Math.min(maxMessages > 0 ? maxMessages : messages > 0 ? messages : mostMessages, mostMessages),
      overheadBytes,
    },
    budgetBytes,
    meter,
  })
  return new BatchingSink({
    client,
    lanes,
    map: laneMap(places, lanes),
    flush: spec.flush,
    request: {
      perRoute: maxRequests,
      lanes: 1,
      bytes: Number.POSITIVE_INFINITY,
      messages: Number.POSITIVE_INFINITY,
    },
    retry: spec.retry,
    warn: (text, level = 'warn') => log(level, text),
    signal,
    close: () => Promise.resolve(publisher[Symbol.dispose]()),
  })
}

export async function dial(spec: PubsubSinkSpec, { signal }: SinkDialing): Promise<void> {
  using publisher = publisherOf(spec, { log: () => undefined })
  await publisher.prepare(topicsOf(placesOf(spec)), signal)
}

function publisherOf(
  spec: PubsubSinkSpec,
  {
    endpoint = endpointOf(spec, process.env['PUBSUB_EMULATOR_HOST']),
    tokens = endpoint.isEmulator ? undefined : new GoogleTokens({ credentials: spec.credentials, scopes: [scope] }),
    timeoutMs = requestMs,
    log,
  }: Omit<OpenOptions, 'signal'> & { readonly log: SinkLog },
): Publisher {
  return new Publisher({ name: nameOf(spec), channel: new GrpcChannel(endpoint), tokens, timeoutMs, log })
}

/** Returns the places of each target. Targets with the same topic and attribute share theirs. */
function placesOf(spec: PubsubSinkSpec): readonly (readonly PubsubPlace[])[] {
  const isOrdered = spec.isOrdered && spec.format === 'json'
  const known = new Map<string, readonly PubsubPlace[]>()
  return spec.topics.map((topic, target) => {
    const tableName = spec.tableNames?.[target]
    const name = JSON.stringify([topic, tableName])
    const places =
      known.get(name) ??
      Array.from({ length: isOrdered ? orderingKeys : unorderedLanes }, (_, lane) =>
        placeOf({ spec, topic, tableName, orderingKey: isOrdered ? String(lane) : undefined }),
      )
    known.set(name, places)
    return places
  })
}

function topicsOf(places: readonly (readonly PubsubPlace[])[]): readonly string[] {
  return [...new Set(places.flatMap(([first]) => (first === undefined ? [] : first.topic)))]
}

function laneMap(
  places: readonly (readonly PubsubPlace[])[],
  lanes: Lanes<PubsubPlace, PubsubBody>,
): LaneMap<PubsubPlace, PubsubBody> {
  type Own = readonly Lane<PubsubPlace, PubsubBody>[]
  const made = new Map<readonly PubsubPlace[], Own>()
  const byTopic = places.map((own) => {
    const its = made.get(own) ?? own.map((place) => lanes.make(place, 0))
    made.set(own, its)
    return its
  })
  /** A topic of several targets gets a resolved message once. */
  const first = new Map<string, readonly [topic: number, lanes: Own]>()
  for (const [target, [lane]] of byTopic.entries())
    if (lane !== undefined && !first.has(lane.place.topic)) first.set(lane.place.topic, [target, [lane]])
  return {
    byTopic,
    laneOf: (bytes, start, end, count) => Math.abs(fnv1a(bytes, start, end) % count),
    isResolvedAlone: true,
    resolvedLanes: () => first.values(),
  }
}
