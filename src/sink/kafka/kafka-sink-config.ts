// Reads the JSON object of `kafka_sink_config`. Wrong values and unknown fields are errors: a misspelt `RequiredAcks` must
// not mean the default.

import { parseDuration } from '../../core/duration.ts'
import { nearestName } from '../../core/nearest-name.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { RetryBounds } from '../batching/retry.ts'
import { kafkaConfigFields } from './parameters.ts'
import type { KafkaFlush, KafkaSinkSpec } from './spec.ts'

type KafkaConfig = Pick<KafkaSinkSpec, 'clientId' | 'acks' | 'compression' | 'compressionLevel' | 'flush' | 'retry'>

const defaultClientId = 'CockroachDB'
const defaultRetry: RetryBounds = { max: 3, backoffMs: 500 }
const acksNames: Readonly<Record<string, KafkaSinkSpec['acks']>> = {
  none: 'none',
  '0': 'none',
  one: 'one',
  '1': 'one',
  all: 'all',
  '-1': 'all',
}
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const lz4Levels: ReadonlySet<number> = new Set([0, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072])

export function readKafkaSinkConfig(text: string | undefined, position: number): KafkaConfig {
  const refuse: Refuse = (message, hint) => new FeedError('FEED_OPTION', message, { position, hint })
  const config = new ConfigObject('', text === undefined || text === '' ? {} : parse(text, refuse), refuse)
  const version = config.text('Version')
  // The value is only checked: the brokers are asked which versions they support.
  if (version !== undefined && !/^\d+(?:\.\d+){2,3}$/.test(version))
    throw refuse(`invalid version "${version}"`, `for example '{"Version": "1.0.0.0"}'`)
  const acksText = config.text('RequiredAcks') ?? 'ONE'
  const acks = acksNames[acksText.toLowerCase()]
  if (acks === undefined) throw refuse(`invalid acks value "${acksText}", must be "NONE"/"0", "ONE"/"1", or "ALL"/"-1"`)
  const clientId = config.text('ClientID') ?? ''
  if (!/^[A-Za-z0-9._-]*$/.test(clientId))
    throw refuse(`invalid ClientID "${clientId}": letters, digits, '.', '_' and '-' only`)
  const compression = readCodec(config.text('Compression') ?? 'NONE', refuse)
  const compressionLevel = config.integer('CompressionLevel')
  if (compressionLevel !== undefined) checkLevel(compression, compressionLevel, refuse)
  return {
    clientId: clientId === '' ? defaultClientId : clientId,
    acks,
    compression,
    compressionLevel,
    flush: readFlush(config.object('Flush'), refuse),
    retry: readRetry(config.object('Retry'), refuse),
  }
}

type Refuse = (message: string, hint?: string) => FeedError

function parse(text: string, refuse: Refuse): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw refuse(`error unmarshalling json: ${(error as Error).message}`)
  }
}

function readCodec(text: string, refuse: Refuse): KafkaSinkSpec['compression'] {
  const found = codecs.find((codec) => codec === text.toLowerCase())
  if (found === undefined) throw refuse(`unknown compression "${text}", must be NONE, GZIP, SNAPPY, LZ4, or ZSTD`)
  return found
}

function checkLevel(codec: KafkaSinkSpec['compression'], level: number, refuse: Refuse): void {
  const fits =
    (codec === 'gzip' && level >= -2 && level <= 9) ||
    (codec === 'zstd' && level >= 1 && level <= 4) ||
    (codec === 'lz4' && lz4Levels.has(level))
  if (!fits) throw refuse(`invalid compression level ${level} for ${codec.toUpperCase()}`)
}

function readFlush(flush: ConfigObject, refuse: Refuse): KafkaFlush {
  const messages = flush.integer('Messages') ?? 0
  const bytes = flush.integer('Bytes') ?? 0
  const frequencyMs = flush.durationMs('Frequency') ?? 0
  const maxMessages = flush.integer('MaxMessages') ?? 0
  const maxBytes = flush.integer('MaxBytes') ?? 0
  if ([messages, bytes, frequencyMs, maxMessages, maxBytes].some((value) => value < 0))
    throw refuse('invalid sink config, all values must be non-negative')
  if ((messages > 0 || bytes > 0) && frequencyMs === 0) {
    throw refuse('invalid sink config, Flush.Frequency is not set, messages may never be sent')
  }
  return { messages, bytes, frequencyMs, maxMessages, maxBytes }
}

function readRetry(retry: ConfigObject, refuse: Refuse): RetryBounds {
  const backoffMs = retry.durationMs('Backoff') ?? defaultRetry.backoffMs
  if (backoffMs < 0) throw refuse('invalid sink config, all values must be non-negative')
  const max = retry.any('Max')
  if (max === undefined) return { max: defaultRetry.max, backoffMs }
  if (typeof max === 'string' && max.toLowerCase() === 'inf') return { max: Number.POSITIVE_INFINITY, backoffMs }
  const count = typeof max === 'string' && /^-?\d+$/.test(max) ? Number(max) : max
  if (typeof count !== 'number' || !Number.isInteger(count)) {
    throw refuse("Retry.Max must be either a positive int or 'inf' for infinite retries.")
  }
  if (count <= 0) throw refuse("Retry.Max must be a positive integer. use 'inf' for infinite retries.")
  return { max: count, backoffMs }
}

/** A JSON object. Its members are read by name, in any case of letters, and by type. */
class ConfigObject {
  readonly #members: ReadonlyMap<string, unknown>
  readonly #refuse: Refuse

  constructor(name: keyof typeof kafkaConfigFields, value: unknown, refuse: Refuse) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw refuse(`error unmarshalling json: ${name === '' ? 'the value' : name} is not an object`)
    }
    const prefix = name === '' ? '' : `${name}.`
    const fields = Object.keys(kafkaConfigFields[name])
    for (const member of Object.keys(value)) {
      if (fields.some((known) => known.toLowerCase() === member.toLowerCase())) continue
      const meant = nearestName(member, fields)
      throw refuse(
        `unknown field ${prefix}${member} in kafka_sink_config`,
        meant === undefined ? `it has ${fields.join(', ')}` : `did you mean ${prefix}${meant}?`,
      )
    }
    this.#members = new Map(Object.entries(value).map(([name, member]) => [name.toLowerCase(), member]))
    this.#refuse = refuse
  }

  any(name: string): unknown {
    return this.#members.get(name.toLowerCase()) ?? undefined
  }

  text(name: string): string | undefined {
    const value = this.any(name)
    if (value === undefined || typeof value === 'string') return value
    throw this.#wrong(name, 'a string')
  }

  integer(name: string): number | undefined {
    const value = this.any(name)
    if (value === undefined || (typeof value === 'number' && Number.isInteger(value))) return value
    throw this.#wrong(name, 'an integer')
  }

  durationMs(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const read = parseDuration(text)
    if (read.tag === 'error') throw this.#refuse(`error unmarshalling json: ${name}: ${read.message}`)
    return Number(read.nanos) / 1e6
  }

  object(name: 'Flush' | 'Retry'): ConfigObject {
    return new ConfigObject(name, this.any(name) ?? {}, this.#refuse)
  }

  #wrong(name: string, wanted: string): FeedError {
    return this.#refuse(`error unmarshalling json: ${name} is not ${wanted}`)
  }
}
