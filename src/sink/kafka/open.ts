// Opens a Kafka sink, or only checks whether it could be opened. Errors say what is wrong with the brokers or the topics.

import { onAbort } from '../../async/or-abort.ts'
import { setTimeout as delay } from 'node:timers/promises'
import type { KafkaSinkSpec } from './spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { connectHint } from './connect-hint.ts'
import { KafkaClient } from './kafka-client.ts'
import { codesOf, flatMessage, kafkaCode, notAuthorized, finalRefusal, topicError } from './kafka-errors.ts'
import { kafkaSink, type KafkaSink, type KafkaSinkOptions } from './kafka-sink.ts'
import type { TopicAnswer } from './metadata.ts'
import { creationError, isFinal, type CreationRefusal } from './topic-creation.ts'

/** How long a topic may be missing or have no leader, as it does in its first moments. */
const topicMs = 10_000
const topicWaitMs = 100
const early: ReadonlySet<number> = new Set([kafkaCode.unknownTopic, kafkaCode.leaderNotAvailable, kafkaCode.notLeader])

export interface OpenOptions extends Pick<KafkaSinkOptions, 'log' | 'signal' | 'refreshMs' | 'meter'> {
  /** A request that a broker has not answered within this time has failed, and is sent again. */
  readonly requestMs?: number
}

export async function open(spec: KafkaSinkSpec, options: OpenOptions): Promise<KafkaSink> {
  const { log, signal, requestMs } = options
  log('info', 'Initializing new client')
  const client = new KafkaClient(spec, log, requestMs)
  // When the signal aborts, nobody must wait for a broker that hangs.
  using _letGo = onAbort(signal, () => void client[Symbol.asyncDispose]())
  try {
    await client.authorize()
    await topicsAreThere(client, spec, signal)
    const sink = await whileEarly(() => kafkaSink({ ...options, spec, client }), signal)
    log('info', 'Successfully initialized new client')
    return sink
  } catch (error) {
    await client[Symbol.asyncDispose]()
    signal.throwIfAborted()
    throw connectFailed(error, spec)
  }
}

/**
 * Checks everything that a changefeed needs and that can be checked without sending a message: the brokers, the credentials, the
 * topics (which are created if the brokers allow it), the address of a leader, and the rights to write. If resolved messages are
 * `wanted`, no topic may be compacted: such a topic refuses messages without a key.
 */
export async function dial(
  spec: KafkaSinkSpec,
  wanted: { readonly resolved: boolean; readonly signal?: AbortSignal },
): Promise<void> {
  await using client = new KafkaClient(spec)
  using _letGo = onAbort(wanted.signal, () => void client[Symbol.asyncDispose]())
  try {
    await client.authorize()
    const answers = await topicsAreThere(client, spec, wanted.signal)
    await reachALeader(client, answers)
    if (spec.acks === 'all') await client.newProducerId()
    for (const [topic, answer] of answers) {
      if ('code' in answer) continue
      if (answer.isInternal) {
        throw new FeedError('FEED_SINK', `topic ${topic} is one of Kafka’s own and takes no messages of a changefeed`, {
          hint: 'give the changefeed another topic_name or topic_prefix',
        })
      }
      if (!answer.mayWrite) throw notAuthorized(topic, spec)
    }
    if (wanted.resolved || spec.acks === 'all') await checkSettings(client, answers, { ...spec, ...wanted })
  } catch (error) {
    throw connectFailed(error, spec)
  }
}

/** Waits until all topics exist. A topic whose leader is gone does not count as missing. */
async function topicsAreThere(
  client: KafkaClient,
  spec: KafkaSinkSpec,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, TopicAnswer>> {
  const endsAtMs = Date.now() + topicMs
  let refusals: ReadonlyMap<string, CreationRefusal> | undefined
  for (;;) {
    const answers = await client.topics([...new Set(spec.topics)])
    const missing = [...answers].flatMap(([topic, answer]) => ('code' in answer ? [{ topic, code: answer.code }] : []))
    const hopeless = missing.find(({ code }) => !early.has(code))
    const first = hopeless ?? missing[0]
    if (first === undefined) return answers
    if (hopeless !== undefined) throw topicError(hopeless.topic, hopeless.code, spec)
    const unknown = missing.filter(({ code }) => code === kafkaCode.unknownTopic).map(({ topic }) => topic)
    if (unknown.length > 0) refusals ??= await client.creationRefusals(unknown)
    const isLate = Date.now() >= endsAtMs
    for (const [topic, refusal] of refusals ?? [])
      if (unknown.includes(topic) && (isLate || isFinal(refusal))) throw creationError(topic, refusal, spec)
    if (isLate) throw topicError(first.topic, first.code, spec)
    await delay(topicWaitMs, undefined, { signal })
  }
}

async function whileEarly<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const endsAtMs = Date.now() + topicMs
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (Date.now() >= endsAtMs || !codesOf(error).some((code) => early.has(code))) throw error
    }
    await delay(topicWaitMs, undefined, { signal })
  }
}

/** Throws if a topic is configured so that it refuses every message of a kind. */
async function checkSettings(
  client: KafkaClient,
  answers: ReadonlyMap<string, TopicAnswer>,
  { acks, resolved }: Pick<KafkaSinkSpec, 'acks'> & { readonly resolved: boolean },
): Promise<void> {
  const all = await client.settings([...answers.keys()], ['cleanup.policy', 'min.insync.replicas'])
  for (const [topic, settings] of all) {
    if (resolved && /\bcompact\b/.test(settings.get('cleanup.policy') ?? '')) {
      const message = `topic ${topic} is compacted (cleanup.policy=compact) and takes no resolved messages, which have no key`
      const hint = 'leave out resolved, or send it to a topic with cleanup.policy=delete'
      throw new FeedError('FEED_SINK', message, { hint })
    }
    const needed = Number(settings.get('min.insync.replicas') ?? 0)
    const answer = answers.get(topic)
    if (acks !== 'all' || answer === undefined || 'code' in answer || answer.replicas >= needed) continue
    const message = `topic ${topic} wants ${needed} replicas in sync (min.insync.replicas) and has only ${answer.replicas}: it takes no messages with RequiredAcks ALL`
    const hint = 'lower min.insync.replicas of the topic, give it more replicas, or leave RequiredAcks at ONE'
    throw new FeedError('FEED_SINK', message, { hint })
  }
}

/** Throws if none of the leaders can be reached at the address that it advertises. */
async function reachALeader(client: KafkaClient, answers: ReadonlyMap<string, TopicAnswer>): Promise<void> {
  const leaders = new Set([...answers.values()].flatMap((answer) => ('code' in answer ? [] : answer.leaders)))
  leaders.delete(-1)
  if (leaders.size === 0) return
  await Promise.any([...leaders].map((leader) => client.connection(leader))).catch(({ errors }: AggregateError) => {
    throw new AggregateError(errors, '')
  })
}

function connectFailed(error: unknown, spec: KafkaSinkSpec): FeedError {
  if (error instanceof FeedError) return error
  const refused = finalRefusal(error)
  if (refused !== undefined) return refused
  const said = flatMessage(error)
  const message =
    `unable to open connection to broker: kafka: client has run out of available brokers to talk to ` +
    `(Is your cluster reachable?): ${said}`
  return new FeedError('FEED_SINK', message, { hint: connectHint(said, spec), cause: error })
}
