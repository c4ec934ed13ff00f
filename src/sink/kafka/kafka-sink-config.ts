// Reads the JSON object of `kafka_sink_config`.

import type { FeedError } from '../../errors/feed-error.ts'
import { readFlush, readRetry } from '../batching/read-batch-config.ts'
import { ConfigObject } from '../config-object.ts'
import { kafkaConfigFields } from './parameters.ts'
import type { KafkaSinkSpec } from './spec.ts'

type KafkaConfig = Pick<KafkaSinkSpec, 'clientId' | 'acks' | 'compression' | 'compressionLevel' | 'flush' | 'retry'>

const defaultClientId = 'CockroachDB'
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
  const config = ConfigObject.read({ name: 'kafka_sink_config', text, position, fields: kafkaConfigFields })
  const refuse: Refuse = (message, hint) => config.refused(message, hint)
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
    flush: readFlush(config.object('Flush')),
    retry: readRetry(config.object('Retry')),
  }
}

type Refuse = (message: string, hint?: string) => FeedError

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
