// Opens a webhook sink, or only checks whether its endpoint can be reached. The check opens a connection and sends nothing: any
// request could be taken for rows.

import { fnv1a } from '../../bytes/fnv1a.ts'
import type { LaneMap } from '../batching/batching-sink.ts'
import { BatchingSink } from '../batching/batching-sink.ts'
import { Lanes } from '../batching/lanes.ts'
import type { SinkDialing, SinkOpening } from '../sink-facts.ts'
import { Endpoint } from './endpoint.ts'
import { defaultMaxBytes, defaultMaxMessages } from './parameters.ts'
import { bodyFormatOf, type WebhookSinkSpec } from './spec.ts'
import { frameBytes, WebhookBody } from './webhook-body.ts'
import { WebhookClient, type Nowhere } from './webhook-client.ts'

export type WebhookSink = BatchingSink<Nowhere, WebhookBody>

/** Keys are spread over so many lanes, of which some share a request: a power of two. The more lanes, the fewer keys wait for one request. */
const lanesPerTopic = 16
/** Requests at the same time, each with other keys. */
const maxRequests = 8
/** Room for the names of columns, which seldom need so much. */
const headerBytes = 4096
const budgetBytes = 8 * 1024 * 1024
/** Messages that wait beside those that are on their way, in full requests. More would only be out of the caches when they are sent. */
const budgetRequests = 2 * maxRequests

export async function open(
  spec: WebhookSinkSpec,
  { topics, log, signal, header, meter }: Pick<SinkOpening, 'topics' | 'log' | 'signal' | 'header' | 'meter'>,
): Promise<WebhookSink> {
  const endpoint = new Endpoint(spec, maxRequests)
  const limits = limitsOf(spec)
  const client = new WebhookClient({ spec, endpoint, limits, header })
  try {
    await endpoint.reach(signal)
  } catch (error) {
    await endpoint[Symbol.asyncDispose]()
    signal.throwIfAborted()
    throw client.toError(error)
  }
  const lanes = new Lanes<Nowhere, WebhookBody>({
    newBody: () => new WebhookBody(bodyFormatOf(spec)),
    limits,
    budgetBytes,
    budgetMessages: budgetRequests * limits.messages,
    meter,
  })
  return new BatchingSink({
    client,
    lanes,
    map: laneMap(spec, topics, lanes),
    flush: { ...spec.flush, per: 'route' },
    request: {
      perRoute: maxRequests,
      lanes: Number.POSITIVE_INFINITY,
      get bytes() {
        return limits.bytes
      },
      messages: limits.messages,
    },
    retry: spec.retry,
    warn: (text, level = 'warn') => log(level, text),
    signal,
    close: () => endpoint[Symbol.asyncDispose](),
  })
}

export async function dial(spec: WebhookSinkSpec, { signal }: SinkDialing): Promise<void> {
  await using endpoint = new Endpoint(spec, 1)
  const client = new WebhookClient({ spec, endpoint, limits: limitsOf(spec), header: () => undefined })
  await endpoint.reach(signal).catch((error: unknown) => {
    throw client.toError(error)
  })
}

function limitsOf({ flush, format, csvHeader }: WebhookSinkSpec): {
  bytes: number
  messages: number
  overheadBytes: number
} {
  const { messages, bytes, maxMessages = 0, maxBytes = 0 } = flush
  const most = maxBytes > 0 ? maxBytes : Math.max(defaultMaxBytes, bytes)
  const frame = lanesPerTopic + (format === 'json' ? frameBytes : csvHeader === true ? headerBytes : 0)
  return {
    bytes: Math.max(1, most - frame),
    messages: maxMessages > 0 ? maxMessages : messages > 0 ? messages : defaultMaxMessages,
    // The separator.
    overheadBytes: 1,
  }
}

/** In JSON all tables share the lanes, because a message names its table. A request in CSV has the rows of one table. */
function laneMap(
  { format }: WebhookSinkSpec,
  topics: readonly string[],
  lanes: Lanes<Nowhere, WebhookBody>,
): LaneMap<Nowhere, WebhookBody> {
  const lanesOf = (route: number) => Array.from({ length: lanesPerTopic }, () => lanes.make(undefined, route))
  const shared = lanesOf(0)
  return {
    byTopic: topics.map((_, topic) => (format === 'json' ? shared : lanesOf(topic))),
    laneOf: (bytes, start, end) => fnv1a(bytes, start, end) & (lanesPerTopic - 1),
    isResolvedAlone: true,
    // There is one endpoint, whatever the number of tables.
    resolvedLanes: () => [[0, shared.slice(0, 1)]],
  }
}
