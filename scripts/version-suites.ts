// Which tests run against which PostgreSQL (test/support/servers/server-of-tests.ts).

import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { tierOf } from './test-tiers.ts'

export interface Target {
  /** As CHANGEFEED_TEST_POSTGRES names it. */
  readonly name: string
  /** Parts of paths. */
  readonly suites: readonly string[]
}

const endToEnd = (...names: readonly string[]): string[] => names.map((name) => `test/end-to-end/${name}.`)

/** What a changefeed promises, over each way to follow it, and after crashes: on every version, as a superuser and with few rights. */
const core = [
  'src/sink/rows/rows-feed.pg',
  'src/sink/kafka/kafka-feed.kafka',
  'test/crash/',
  ...endToEnd('sinkless', 'transactions', 'exact-bytes', 'large-row'),
] as const

/** What decoding, the catalogue and event triggers of a version have a part in. */
const installed = [
  'src/ingest/bulk-pulls.pg',
  'src/ingest/gaps-of-',
  'src/ingest/ingest.pg',
  'src/ingest/watch',
  'src/ingest/writes-after-ddl.pg',
  'src/scan/',
  'src/source-schema/',
  'src/jobs/jobs.pg',
  'src/encode/json/types.pg',
  'src/postgres/session-settings.pg',
  ...endToEnd('schema-changes', 'kinds-of-ddl'),
] as const

/** What a version has little part in: on the first one, which differs most from the embedded PostgreSQL 18 of `npm test`. */
const onFirst = [
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
] as const

const prepared = [
  'src/ingest/prepared/',
  'src/ingest/readings/',
  'test/versions/member.',
  ...endToEnd('walkthrough'),
] as const
const onLastPrepared = endToEnd('scan-turns')

export const targets: readonly Target[] = [14, 15, 16, 17, 18].flatMap((version) => [
  { name: `${version}`, suites: [...core, ...installed, ...(version === 14 ? onFirst : [])] },
  { name: `${version}-prepared`, suites: [...core, ...prepared, ...(version === 18 ? onLastPrepared : [])] },
])

/** It starts the versions that it is about itself, so `npm test` has run it. */
const ownVersions = 'src/ingest/fail-over'
/** It is about what a DBA prepares, whoever else may do what. */
const preparedOnly = ['src/ingest/prepared/', 'src/ingest/readings/']

const root = fileURLToPath(new URL('..', import.meta.url))

/** Files that need nothing of PostgreSQL are the same everywhere. */
export function filesOf({ name, suites }: Target): readonly string[] {
  const isPrepared = name.endsWith('-prepared')
  return globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root })
    .filter((file) => suites.some((part) => file.startsWith(part)))
    .filter((file) => tierOf(file) !== 'pure' && !file.startsWith(ownVersions))
    .filter((file) => isPrepared || !preparedOnly.some((part) => file.startsWith(part)))
    .sort()
}

/** The suite of a file, as the table at the end names it: its folder, or a file that stands for itself. */
export function suiteOf(file: string): string {
  const name = file.replace(/\.(pg|kafka|crash)?\.?test\.ts$/, '')
  return file.startsWith('src/ingest/') || file.startsWith('src/source-schema/') || file.startsWith('src/scan/')
    ? name.split('/').slice(0, -1).join('/')
    : name
}
