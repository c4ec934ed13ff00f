// The conformance cases: what CockroachDB does, written down as data (statements, a feed, what it must print or refuse).
// They lie beside the repository, in ../shared/spec/conformance, one JSON object a line.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface ConformanceCase {
  readonly id: string
  readonly area: string
  readonly sql: readonly string[]
  /** Empty: a case without a feed. */
  readonly feed: string
  readonly steps: readonly ConformanceStep[]
}

export interface ConformanceStep {
  readonly sql?: string
  readonly expect?: readonly string[]
  /** A regular expression, searched in the message. */
  readonly expect_error?: string
}

export const folder = fileURLToPath(new URL('../../../shared/spec/conformance', import.meta.url))

export const areas = [
  'basics',
  'envelope',
  'diff',
  'json-encoding',
  'cursor',
  'initial-scan',
  'resolved',
  'timestamps',
  'computed',
  'primary-key',
  'options',
  'validation-options',
  'validation-targets',
  'validation-scan',
  'kafka',
  'topic-naming',
  'job-control',
  'job-description',
  'retry',
  'terminal-error',
  'validation-kafka',
  'validation-sink-uri',
  'headers',
  'validation-avro',
  'validation-cloudstorage',
  'validation-enriched',
  'validation-pubsub',
  'validation-webhook',
  'schema-change',
  'avro',
  'avro-types',
  'csv',
  'database-level',
  'cloudstorage',
  'webhook',
  'pubsub',
] as const

/** Undefined: the data is not on this machine. */
export function readCases(): ConformanceCase[] | undefined {
  if (!existsSync(folder)) return undefined
  return areas.flatMap((area) =>
    readFileSync(join(folder, `${area}.jsonl`), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ConformanceCase),
  )
}
