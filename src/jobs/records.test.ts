import assert from 'node:assert/strict'
import { test } from 'node:test'
import { payloads, progresses } from '../../test/support/job-records.ts'
import type { FeedSpec, RegistrySpec } from '../core/feed-spec.ts'
import type { Hlc } from '../core/hlc.ts'
import type { JobProgress, ScanProgress } from '../core/job-progress.ts'
import type { KafkaOauth, KafkaPassword, KafkaSinkSpec } from '../sink/kafka/spec.ts'
import { FeedError } from '../errors/feed-error.ts'
import { readPayload, writePayload } from './payload-record.ts'
import { PayloadSeal, type Sealed } from './payload-seal.ts'
import { readProgress, writeProgress } from './progress-record.ts'
import { recordVersions } from './record-version.ts'
import { SealedPayloads } from './sealed-payloads.ts'

/**
 * With every optional member. So a new member of a spec does not compile here before it has a value; with the value the
 * frozen example of the present version differs, and asks for a new version (record-version.ts says when).
 */
type Whole<T> = T extends bigint | string | number | boolean | null | undefined
  ? T
  : T extends readonly unknown[]
    ? { readonly [Key in keyof T]: Whole<T[Key]> }
    : { readonly [Key in keyof T]-?: Whole<Exclude<T[Key], undefined>> }

const job = '7'
const seal = new PayloadSeal(Buffer.alloc(32), 'a test')
const sealed = new SealedPayloads(seal)

// `mayReachMetadata` is no part of a record: it is set at each start.
const kafka: Omit<Whole<KafkaSinkSpec>, 'sasl' | 'mayReachMetadata'> = {
  tag: 'kafka',
  brokers: ['b1:9092', 'b2:9092'],
  allowedHosts: ['b1', 'b2'],
  topics: ['pre_orders', 'pre_items'],
  sources: ['orders (id)', 'items (order_id, n)'],
  tls: { ca: 'ca pem', cert: 'cert pem', key: 'key pem', verify: true },
  headers: [{ name: 'h', value: 'v' }],
  clientId: 'c',
  acks: 'all',
  compression: 'gzip',
  compressionLevel: 5,
  flush: { messages: 100, bytes: 1000, frequencyMs: 50, maxMessages: 10, maxBytes: 20 },
  retry: { max: Number.POSITIVE_INFINITY, backoffMs: 500 },
}
const password: Whole<KafkaPassword> = { mechanism: 'SCRAM-SHA-256', user: 'me', password: 'secret' }
const oauth: Whole<KafkaOauth> = {
  mechanism: 'OAUTHBEARER',
  clientId: 'i',
  clientSecret: 's',
  tokenUrl: 'https://t/',
  grantType: 'client_credentials',
  scopes: ['a', 'b'],
}

const registry: Omit<Whole<RegistrySpec>, 'mayReachMetadata'> = {
  urls: ['https://r1:8081/api', 'https://r2:8081/api'],
  user: 'me',
  password: 'secret',
  timeoutMs: 2000,
  caCert: 'ca pem',
  clientCert: 'cert pem',
  clientKey: 'key pem',
}

const spec: Whole<Omit<FeedSpec, 'sink' | 'registry'>> = {
  id: '',
  database: 'shop',
  targets: [
    { relid: 16384, topic: 'orders', name: 'named orders', tableName: 'orders' },
    { relid: 16390, topic: 'items', name: 'named items', tableName: 'items' },
  ],
  format: 'json',
  envelope: 'wrapped',
  updated: true,
  mvccTimestamp: true,
  diff: true,
  keyInValue: true,
  topicInValue: true,
  encodeJsonNullAsObject: true,
  resolvedIntervalMs: 10_000,
  minCheckpointMs: 30_000,
  initialScan: 'yes',
  cursor: { wall: 1_536_242_855_577_149_065n, logical: 3 },
  endTime: { wall: 1_536_242_999_000_000_000n, logical: 0 },
  scope: 'teal',
  schemaChanges: { events: 'column_changes', policy: 'stop' },
  takesAnyBytes: true,
  avroSchemaPrefix: 'com.example',
}

const at = { wall: 1_536_242_855_577_149_065n, logical: 3 }
const done = [
  [0, 64],
  [128, null],
] as const
const scan: Whole<ScanProgress> = { at, tables: [{ relid: 16384, root: 16380, file: 'f1', done }], fraction: 0.25 }
/** A table of a scan had no root before version 4. */
const scan3: ScanProgress = { ...scan, tables: [{ relid: 16384, file: 'f1', done }] }

const { takesAnyBytes: ___, ...spec3 } = spec
const { schemaChanges: _, avroSchemaPrefix: __, ...rest } = spec3
const spec2 = { ...rest, targets: spec.targets.map(({ relid, topic, tableName }) => ({ relid, topic, tableName })) }
/** An example of each version, and what it means. What a version lacks is left out of it here: `const { added, ...spec2 } = spec`. */
const versions = [
  { record: payloads.version1, spec: spec2, sink: { ...kafka, sasl: password }, registry: undefined },
  { record: payloads.version2, spec: spec2, sink: { ...kafka, sasl: oauth }, registry: undefined },
  { record: payloads.version3, spec: spec3, sink: { ...kafka, sasl: password }, registry },
  { record: payloads.version4, spec, sink: { ...kafka, sasl: password }, registry },
] as const
const whole: KafkaSinkSpec = { ...kafka, sasl: password }
const changed = (): string =>
  `What a job stores has changed. If it needs a new version (record-version.ts says when), its example is
${sealed.write({ spec: { ...spec, sink: whole, registry }, onError: 'pause' }, job)}`

test('a payload of every version that was ever written is read, with its sink and its registry', () => {
  for (const { record, spec: written, sink, registry: opens } of versions) {
    const opened = sealed.read(JSON.stringify(record), job)
    const { sink: sealedSink, ...others } = record.spec
    const sealedToo = 'registry' in others ? { registry: others.registry } : {}
    const stored = { ...written, sink: sealedSink, ...sealedToo }
    assert.deepEqual(opened.payload, { spec: stored, onError: 'pause' }, changed())
    assert.deepEqual(opened.sink(), sink, changed())
    assert.deepEqual(opened.registry(), opens, changed())
  }
  const plain = sealed.read(JSON.stringify(payloads.version1Plain), job)
  assert.deepEqual(plain.sink(), payloads.version1Plain.spec.sink)
  assert.equal(plain.payload.spec.cursor, undefined)
  assert.equal(plain.payload.spec.envelope, 'key_only')
})

test('a payload is written as the example of its version says', () => {
  const last = versions.at(-1)?.record
  const farEnds = last?.spec as Record<'sink' | 'registry', Sealed>
  const payload = { spec: { ...spec, sink: farEnds.sink, registry: farEnds.registry }, onError: 'pause' } as const
  assert.deepEqual(JSON.parse(writePayload(payload)), last, changed())
  const sink: KafkaSinkSpec = { ...kafka, sasl: password }
  const text = sealed.write({ spec: { ...spec, sink, registry }, onError: 'pause' }, job)
  assert.doesNotMatch(text, /secret|b1:9092|r1:8081|key pem/)
  assert.deepEqual(sealed.read(text, job).sink(), sink)
  assert.deepEqual(sealed.read(text, job).registry(), registry)
})

test('a progress of every version that was ever written is read, and written as the example says', () => {
  const earlier: JobProgress = { tag: 'initial-scan', scan: scan3 }
  const fresh: JobProgress = { tag: 'initial-scan', scan: undefined }
  const scanning: JobProgress = { tag: 'initial-scan', scan }
  const following: JobProgress = { tag: 'following', highWater: at }
  const changed: Hlc = { ...at, logical: 4 }
  const passed: JobProgress = { tag: 'following', highWater: at, passed: changed }
  const backfill: JobProgress = { tag: 'backfill', at: changed, scan: { ...scan, at: changed } }
  const earlierBackfill: JobProgress = { tag: 'backfill', at: changed, scan: { ...scan3, at: changed } }
  for (const record of [progresses.version1Scanning, progresses.version2Scanning, progresses.version3Scanning])
    assert.deepEqual(readProgress(JSON.stringify(record), job), earlier)
  assert.deepEqual(readProgress(JSON.stringify(progresses.version3Backfill), job), earlierBackfill)
  const cases: readonly (readonly [JobProgress, ...(readonly object[])])[] = [
    [fresh, progresses.version1New, progresses.version2New, progresses.version3New, progresses.version4New],
    [scanning, progresses.version4Scanning],
    [
      following,
      progresses.version1Following,
      progresses.version2Following,
      progresses.version3Following,
      progresses.version4Following,
    ],
    [passed, progresses.version3Passed, progresses.version4Passed],
    [backfill, progresses.version4Backfill],
  ]
  for (const [progress, ...records] of cases) {
    for (const record of records) assert.deepEqual(readProgress(JSON.stringify(record), job), progress)
    assert.deepEqual(JSON.parse(writeProgress(progress)), records.at(-1))
  }
})

test('a program that knows version 1 only finds in version 2 what it looks for', () => {
  const { version1Following, version1Scanning } = progresses
  assert.deepEqual(progresses.version2Following.highWater, version1Following.highWater)
  assert.deepEqual(progresses.version2Scanning.scan, version1Scanning.scan)
})

test('a record of a later version is refused, with the job, both versions and what to do', () => {
  for (const [name, read] of [
    ['payload', readPayload],
    ['progress', readProgress],
  ] as const) {
    const said = `job 7 was written by a later version of pg-changefeed: its ${name} has version 9, and this program reads versions up to ${recordVersions[name]}`
    assert.throws(
      () => read('{"version":9,"all":"else"}', job),
      (error) => {
        assert.ok(error instanceof FeedError)
        assert.equal(error.message, said)
        assert.match(error.hint ?? '', /start the version of pg-changefeed that wrote it, .*CANCEL JOB 7 ends it/)
        assert.equal(error.retry, false)
        return true
      },
    )
  }
})
