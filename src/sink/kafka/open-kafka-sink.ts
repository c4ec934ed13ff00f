// From a spec to a sink that is ready, or to an error that says what is wrong with the far end.

import { setTimeout as delay } from 'node:timers/promises'
import type { KafkaSinkSpec } from '../../core/kafka-sink-spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { KafkaClient } from './kafka-client.ts'
import { flatMessage } from './kafka-errors.ts'
import { KafkaSink, type KafkaSinkOptions } from './kafka-sink.ts'

/** A topic that is just being made has no leader at first. */
const topicAttempts = 15
const topicWaitMs = 200

export async function openKafkaSink(
  spec: KafkaSinkSpec,
  options: Pick<KafkaSinkOptions, 'log' | 'signal' | 'refreshMs'>,
): Promise<KafkaSink> {
  const { log, signal } = options
  log('info', 'Initializing new client')
  const client = new KafkaClient(spec)
  const sink = new KafkaSink({ ...options, spec, client })
  try {
    log('info', `client/metadata fetching metadata for topics from brokers ${spec.brokers.join(', ')}`)
    for (let attempt = 1; ; attempt++) {
      try {
        await sink.open()
        break
      } catch (error) {
        signal.throwIfAborted()
        if (attempt === topicAttempts || !isTopicMissing(error)) throw connectFailed(error)
        await delay(topicWaitMs, undefined, { signal })
      }
    }
    log('info', 'Successfully initialized new client')
    return sink
  } catch (error) {
    await sink[Symbol.asyncDispose]()
    throw error
  }
}

/** Tries the brokers with the credentials, and sends nothing. */
export async function dialKafka(spec: KafkaSinkSpec): Promise<void> {
  await using client = new KafkaClient(spec)
  try {
    await client.dial()
  } catch (error) {
    throw connectFailed(error, hintFor(flatMessage(error), spec))
  }
}

function connectFailed(error: unknown, hint?: string): FeedError {
  if (error instanceof FeedError) return error
  const message =
    `unable to open connection to broker: kafka: client has run out of available brokers to talk to ` +
    `(Is your cluster reachable?): ${flatMessage(error)}`
  return new FeedError('FEED_SINK', message, { hint, cause: error })
}

function isTopicMissing(error: unknown): boolean {
  return /UNKNOWN_TOPIC|LEADER_NOT_AVAILABLE|does not host this topic-partition|leadership election|not the current leader/i.test(
    `${flatMessage(error)} ${JSON.stringify((error as { errors?: unknown }).errors ?? '')}`,
  )
}

function hintFor(message: string, { tls, sasl }: KafkaSinkSpec): string | undefined {
  if (/ECONNREFUSED/.test(message)) return 'no broker listens there: check host and port'
  if (/ENOTFOUND|EAI_AGAIN/.test(message)) return 'the host name is not known: check its spelling'
  if (/self.signed|unable to (?:verify|get)|CERT_/i.test(message))
    return 'give the CA that signed the broker’s certificate as ca_cert'
  if (/authenticat|SASL/i.test(message))
    return sasl === undefined
      ? 'the broker wants sasl_enabled=true'
      : 'check sasl_mechanism, sasl_user and sasl_password'
  if (tls !== undefined && /TLS|SSL|wrong version|ECONNRESET|EPROTO/i.test(message))
    return 'the broker does not speak TLS on this port: leave tls_enabled out, or take another port'
  if (tls === undefined && /closed|ECONNRESET|TLS|timed out/i.test(message))
    return 'the broker may want TLS on this port: tls_enabled=true'
  return undefined
}
