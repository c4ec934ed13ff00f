// A Kafka sink as data: what a sink URI and `kafka_sink_config` say, read and checked. The data can be cloned into another
// thread. It contains credentials, so it must never be logged.

import type { SinkSpec } from '../../core/feed-spec.ts'
import type { BatchFlush } from '../batching/read-batch-config.ts'
import type { RetryBounds } from '../batching/retry.ts'
import type { MessageHeader } from '../sink-facts.ts'

export interface KafkaSinkSpec extends SinkSpec {
  readonly tag: 'kafka'
  /** The addresses `host:port` in the URI, at least one. */
  readonly brokers: readonly string[]
  /** The Kafka topic of each target, in the order of `FeedSpec.targets`, with the prefix and escaped. Targets may share a topic. */
  readonly topics: readonly string[]
  /** The table and the key columns of each target, for errors. */
  readonly sources: readonly string[]
  readonly tls: KafkaTls | undefined
  readonly sasl: KafkaSasl | undefined
  /** The headers of every message; undefined: none. */
  readonly headers?: readonly MessageHeader[]
  readonly clientId: string
  readonly acks: 'none' | 'one' | 'all'
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** The level of compression; undefined for the default level of the codec. */
  readonly compressionLevel: number | undefined
  readonly flush: BatchFlush
  readonly retry: RetryBounds
}

export interface Partition {
  readonly topic: string
  readonly partition: number
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
