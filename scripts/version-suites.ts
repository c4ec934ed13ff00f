// Which tests run against which PostgreSQL (test/support/servers/server-of-tests.ts). A version, and a role, have what they have a
// part in: `npm test` has run all of it on the PostgreSQL 18 that the program brings along.

import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { tierOf } from './test-tiers.ts'

export interface Target {
  /** As CHANGEFEED_TEST_POSTGRES names it. */
  readonly name: string
  /** The beginnings of paths. */
  readonly suites: readonly string[]
}

const endToEnd = (...names: readonly string[]): string[] => names.map((name) => `test/end-to-end/${name}.`)

/** What a changefeed promises, and what it keeps after crashes: everywhere. */
const core = ['src/sink/rows/rows-feed.pg', 'test/crash/', ...endToEnd('sinkless', 'transactions', 'exact-bytes')]

/** Jobs into Kafka: on every version, in turn as one role and as the other. */
const kafka = ['src/sink/kafka/kafka-feed.kafka']

/** What is installed, and what differs in grammar, types and the catalogue: on every version, as a superuser. */
const grammar = [
  'src/source-schema/',
  'src/encode/json/types.pg',
  'src/postgres/session-settings.pg',
  'src/jobs/jobs.pg',
  'src/ingest/gaps-of-source.pg',
  ...endToEnd('kinds-of-ddl'),
]

/** What decoding, slots and event triggers have a part in: they have changed with 15 and with 17. */
const decoding = [
  'src/ingest/bulk-pulls.pg',
  'src/ingest/gaps-of-publication.pg',
  'src/ingest/ingest.pg',
  'src/ingest/watch',
  'src/ingest/writes-after-ddl.pg',
  'src/scan/',
  ...endToEnd('schema-changes', 'large-row'),
]

/** The rest of what reads a source: on the version that differs most from 18. */
const reading = [
  'src/ingest/',
  'src/jobs/',
  ...endToEnd(
    'key-changes',
    'before-ddl',
    'rows-before-ddl',
    'rows-at-change',
    'rows-at-cursor',
    'encodings',
    'source-settings',
    'source-time',
    'running-statement',
  ),
]

/** Schema changes without event triggers: on every version, with few rights. */
const readings = ['src/ingest/prepared/', 'src/ingest/readings/', 'test/versions/member.', ...endToEnd('walkthrough')]

export const targets: readonly Target[] = [
  { name: '14', suites: [...core, ...kafka, ...grammar, ...decoding, ...reading] },
  { name: '14-prepared', suites: [...core, ...readings] },
  { name: '15', suites: [...core, ...grammar] },
  { name: '15-prepared', suites: [...core, ...kafka, ...readings] },
  { name: '16', suites: [...core, ...kafka, ...grammar] },
  { name: '16-prepared', suites: [...core, ...readings] },
  { name: '17', suites: [...core, ...grammar, ...decoding] },
  { name: '17-prepared', suites: [...core, ...kafka, ...readings] },
  { name: '18', suites: [...core, ...kafka, ...grammar, 'src/sink/kafka/kafka-avro-feed.kafka'] },
  { name: '18-prepared', suites: [...core, ...kafka, ...readings, ...endToEnd('large-row', 'scan-turns')] },
]

/** It starts the versions that it is about itself, so `npm test` has run it. */
const ownVersions = 'src/ingest/fail-over'
/** They prepare a database themselves. */
const preparing = ['src/ingest/prepared/', 'src/ingest/readings/']

const root = fileURLToPath(new URL('..', import.meta.url))

/** Files that need nothing of PostgreSQL are the same everywhere. */
export function filesOf({ name, suites }: Target): readonly string[] {
  const isPrepared = name.endsWith('-prepared')
  return globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root })
    .filter((file) => suites.some((part) => file.startsWith(part)))
    .filter((file) => tierOf(file) !== 'pure' && !file.startsWith(ownVersions))
    .filter((file) => isPrepared || !preparing.some((part) => file.startsWith(part)))
    .sort()
}

/** How the table at the end names the suite of a file: its folder, or a file that stands for itself. */
export function suiteOf(file: string): string {
  const folder = file.split('/').slice(0, -1).join('/')
  return folder.startsWith('test/end-to-end') || folder.startsWith('src/sink')
    ? file.replace(/\.test\.ts$/, '')
    : folder
}
