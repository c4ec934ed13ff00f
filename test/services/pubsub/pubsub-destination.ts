// The kit with which test/suites/sink-suite.ts tests the Pub/Sub sink, and what other tests of the sink alone share.

import { open, type OpenOptions } from '../../../src/sink/pubsub/open.ts'
import type { PubsubSinkSpec } from '../../../src/sink/pubsub/spec.ts'
import type { Sink } from '../../../src/sink/sink.ts'
import type { Delivered, Destination, SinkKit } from '../../suites/sink-kit.ts'
import { PubsubFront } from './pubsub-front.ts'
import { skipWithoutGo } from '../go-program.ts'
import { PubsubServer, type PublishedMessage } from './pubsub-server.ts'

let projects = 0

/** Each has a project of its own unless `changed` names one. */
export function specOf(changed: Partial<PubsubSinkSpec> = {}): PubsubSinkSpec {
  return {
    tag: 'pubsub',
    project: `project-${++projects}`,
    region: 'us-east1',
    isOrdered: true,
    topics: ['t0'],
    tableNames: undefined,
    format: 'json',
    credentials: { key: { tag: 'implicit' }, assumeRoles: [] },
    flush: { messages: 0, bytes: 0, frequencyMs: 0 },
    retry: { max: 10, backoffMs: 10 },
    ...changed,
  }
}

export function openAt(
  { port }: Pick<PubsubFront, 'port'>,
  spec: PubsubSinkSpec,
  options: Partial<OpenOptions> = {},
): Promise<Sink> {
  return open(spec, {
    signal: new AbortController().signal,
    log: () => undefined,
    endpoint: { host: '127.0.0.1', port, isEmulator: true },
    tokens: undefined,
    ...options,
  })
}

/** The key of a row, undefined for a resolved message; the value as it was encoded; the topic that the message names. */
export interface ReadMessage {
  readonly key: string | undefined
  readonly value: Buffer
  readonly topic: string | undefined
}

/** Keys of tests may be no JSON, so the frame is taken off as text. */
export function readMessage({ data }: PublishedMessage): ReadMessage {
  const [head, middle, tail] = ['{"Key":', ',"Value":', ',"Topic":"']
  const [valueAt, topicAt] = [data.indexOf(middle), data.lastIndexOf(tail)]
  if (data.indexOf(head) !== 0 || valueAt < 0 || topicAt < 0) return { key: undefined, value: data, topic: undefined }
  return {
    key: data.toString('utf8', head.length, valueAt),
    value: data.subarray(valueAt + middle.length, topicAt),
    topic: data.toString('utf8', topicAt + tail.length, data.length - 2),
  }
}

/** The name of a topic, without its project. */
export function topicOf({ topic }: PublishedMessage): string {
  return topic.slice(topic.indexOf('/topics/') + '/topics/'.length)
}

export function pubsubKit(changed: Partial<PubsubSinkSpec> = {}): SinkKit {
  let server: PubsubServer | undefined
  const fronts: PubsubFront[] = []
  return {
    skip: skipWithoutGo,
    async start() {
      server = await PubsubServer.start()
    },
    async end() {
      for (const front of fronts) {
        await front[Symbol.asyncDispose]()
        front.check()
      }
      await server?.[Symbol.asyncDispose]()
    },
    async destination({ topics, isImpatient = false }): Promise<Destination> {
      if (server === undefined) throw new Error('the server of Pub/Sub has not started')
      const front = await PubsubFront.start({ server })
      fronts.push(front)
      const spec = specOf({
        topics: Array.from({ length: topics }, (_, i) => `t${i}`),
        ...changed,
        ...(isImpatient ? { retry: { max: 1, backoffMs: 1 } } : {}),
      })
      return {
        open: (signal, meter) => openAt(front, spec, { signal, meter, ...(isImpatient ? { timeoutMs: 200 } : {}) }),
        delivered: async () => (await front.published(spec.project)).map(deliveredOf),
        break: () => Promise.resolve(front.break()),
        mend: () => Promise.resolve(front.mend()),
        requests: () => front.requests.filter(({ method }) => method === 'Publish').length,
      }
    },
    resolvedMessages: (topics) => topics,
    keepsNilValues: true,
    tooLargeBytes: 11 * 1024 * 1024,
    sendsAtOnce: changed.flush === undefined,
    trouble: 'reported',
  }
}

/** The whole topic is in the order in which it was published: a resolved message is alone. */
function deliveredOf(message: PublishedMessage): Delivered {
  const { key, value } = readMessage(message)
  const topic = Number(topicOf(message).slice(1))
  return { topic, partition: 0, key, value: key !== undefined && value.toString() === 'null' ? null : value }
}
