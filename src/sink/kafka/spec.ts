// A Kafka sink as data: what a sink URI and `kafka_sink_config` say, read and checked. Structured cloneable. Holds
// credentials: never log it.

import type { SinkSpec } from '../../core/feed-spec.ts'
import type { MessageHeader } from '../sink-facts.ts'

export interface KafkaSinkSpec extends SinkSpec {
  readonly tag: 'kafka'
  /** host:port, at least one. */
  readonly brokers: readonly string[]
  /** The Kafka topic of each target (`FeedSpec.targets`, same order): prefix added, escaped. May repeat. */
  readonly topics: readonly string[]
  /** What a message of each target is of, for errors: table and key columns. */
  readonly sources: readonly string[]
  readonly tls: KafkaTls | undefined
  readonly sasl: KafkaSasl | undefined
  /** Of every message; undefined: none. */
  readonly headers?: readonly MessageHeader[]
  readonly clientId: string
  readonly acks: 'none' | 'one' | 'all'
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** Undefined: the codec's own. */
  readonly compressionLevel: number | undefined
  readonly flush: KafkaFlush
  readonly retry: KafkaRetry
}

export interface KafkaTls {
  /** PEM texts. */
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly verify: boolean
}

export type KafkaSasl = KafkaPassword | KafkaOauth

export interface KafkaPassword {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly user: string
  readonly password: string
}

/** The brokers take a token, which is fetched with these credentials. */
export interface KafkaOauth {
  readonly mechanism: 'OAUTHBEARER'
  readonly clientId: string
  readonly clientSecret: string
  /** http: or https:, without user and password. */
  readonly tokenUrl: string
  readonly grantType: string
  readonly scopes: readonly string[]
}

/** A batch leaves when one of these is reached; 0: no such bound. */
export interface KafkaFlush {
  readonly messages: number
  readonly bytes: number
  readonly frequencyMs: number
  /** Of one request, and so of a batch; undefined or 0: as many as fit. */
  readonly maxMessages?: number
  /** Of a batch, before compression; undefined or 0: as many as fit. A single message may be larger. */
  readonly maxBytes?: number
}

/** Of one produce request; what still fails then is an error of the feed, which is retried as a whole. */
export interface KafkaRetry {
  /** Infinity: for ever. */
  readonly max: number
  readonly backoffMs: number
}
