// One run of the nemesis over Kafka: random writers and random disturbances (pause and resume, DDL, connections to
// PostgreSQL and to the broker cut, kill -9 of the server, of PostgreSQL and of the broker, a broker that stands still, settings), then every validator.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { compareHlc, zeroHlc } from '../../src/core/hlc.ts'
import { History } from '../history/history.ts'
import { ReferenceSlot } from '../history/reference-slot.ts'
import { tagTable } from '../history/transaction-times.ts'
import { until, type TestServer } from '../server/test-server.ts'
import type { AnswerThief } from '../services/kafka/answer-thief.ts'
import type { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { judge, topicOf } from './judge.ts'
import { KafkaReader } from './kafka-reader.ts'
import { createMirror, Mirror, mirrorTable } from './mirror.ts'
import { optionsOf } from './options.ts'
import { Random } from './random.ts'
import { changeSetting, resetSettings } from './settings.ts'
import { createTables, Workload } from './workload.ts'

const writers = 3
const partitions = 3
const withinMs = 90_000

export interface KafkaRunOptions {
  readonly server: TestServer
  readonly broker: KafkaBroker
  /** Stands before the broker, and cuts connections. */
  readonly thief: AnswerThief
  readonly seed: number
  readonly disturbances: number
}

/** Gives a line about what happened; throws what the validators found. */
export async function runOverKafka({ server, broker, thief, seed, disturbances }: KafkaRunOptions): Promise<string> {
  const random = new Random(seed)
  const database = `kafka_nemesis_${seed}`
  const prefix = `seed_${seed}_`
  // The run before may have ended with a kill.
  await until('the server answers', withinMs, () =>
    server.sql('SELECT 1').then(
      () => true,
      () => undefined,
    ),
  )
  await server.sql(`CREATE DATABASE ${database}`)
  await server.sql(`ALTER DATABASE ${database} SET deadlock_timeout = '10ms'`)
  await server.sql(`${createTables}; ${createMirror}`, database)
  const history = new History({ foo: ['id'], [tagTable]: ['n'] })
  const facts = {
    database,
    ...optionsOf(seed),
  }
  const topics = ['foo', tagTable, mirrorTable].map((table) => topicOf(table, facts))
  for (const topic of topics) await broker.createTopic(prefix + topic, partitions)
  await using reference = await ReferenceSlot.create(() => server.connect(database), history)
  const workload = new Workload(server, database)
  const mirror = new Mirror(server, database)
  const stop = new AbortController()
  const writing = Array.from({ length: writers }, (_, i) => workload.write(new Random(seed * 1000 + i), stop.signal))
  await delay(100 + random.int(400))

  const named = Object.entries(facts).flatMap(([name, isOn]) => (isOn === true ? [name] : []))
  const config = random.pick<() => string>([
    [2, () => ''],
    [1, () => `, kafka_sink_config = '{"RequiredAcks": "ALL"}'`],
    [2, () => `, kafka_sink_config = '{"RequiredAcks": "NONE"}'`],
    [1, () => `, kafka_sink_config = '{"Compression": "GZIP", "Retry": {"Max": 1, "Backoff": "50ms"}}'`],
  ])()
  const options = `updated, resolved, min_checkpoint_frequency = '100ms'${named.map((name) => `, ${name}`).join('')}${config}`
  const into = `'kafka://${broker.bootstrap}?topic_prefix=${prefix}'`
  const [job] = await server.sql(
    `CREATE CHANGEFEED FOR foo, ${tagTable}, ${mirrorTable} INTO ${into} WITH ${options}`,
    database,
  )
  const id = String(job?.['job_id'])
  await using reader = new KafkaReader({ bootstrap: broker.bootstrap, prefix, topics, partitionsPerTopic: partitions })
  const said: string[] = []
  try {
    await until('the initial scan is over', withinMs, () => (reader.resolved === zeroHlc ? undefined : true))
    writing.push(mirror.write(new Random(seed * 1000 + writers), stop.signal))
    await disturb({ server, broker, thief, random, id, database, disturbances, said })
  } finally {
    stop.abort()
    await Promise.all(writing)
  }
  await until('the settings are as they were', withinMs, () =>
    server.sql(resetSettings({ database, role: 'root' })).then(
      () => true,
      () => undefined,
    ),
  )
  const tag = 1_000_000 + workload.committed
  await until('the last transaction is written', withinMs, () =>
    server.sql(`INSERT INTO ${tagTable} VALUES (${tag}) ON CONFLICT DO NOTHING`, database).then(
      () => true,
      () => undefined,
    ),
  )
  await until('everything has come', withinMs, async () => {
    if (reader.rows().some(({ topic, key }) => topic.endsWith(tagTable) && key === `[${tag}]`)) return true
    const [row] = await server.sql(`SELECT status, error FROM crdb_internal.jobs WHERE job_id = ${id}`)
    assert.equal(row?.['status'], 'running', String(row?.['error']))
    await delay(50)
    return undefined
  })
  const end = reader.rows().reduce((last, { updated }) => (compareHlc(updated, last) > 0 ? updated : last), zeroHlc)
  await until('it is resolved', withinMs, () => (compareHlc(reader.resolved, end) >= 0 ? true : undefined))
  await server.sql(`CANCEL JOB ${id}`)
  await reference.catchUp()

  const verdict = judge(history, reader, facts)
  const summary = `seed ${seed}: ${options}; ${workload.committed} transactions, ${verdict.summary}; ${said.join(', ')}`
  assert.deepEqual([...verdict.failures, ...mirror.judge(reader.rows())].slice(0, 20), [], summary)
  mirror.assertUsed()
  assert.ok(verdict.streamed > 50, summary)
  return summary
}

interface DisturbOptions extends KafkaRunOptions {
  readonly random: Random
  readonly id: string
  readonly database: string
  readonly said: string[]
}

async function disturb(options: Omit<DisturbOptions, 'seed'>): Promise<void> {
  const { server, broker, thief, random, id, database, disturbances, said } = options
  let made = 0
  const run = (sql: string): Promise<unknown> =>
    server.sql(`SET lock_timeout = '100ms'; ${sql}`, database).catch(() => undefined)
  const events: (readonly [number, readonly [string, () => unknown]])[] = [
    [
      3,
      [
        'pause',
        async () => {
          await run(`PAUSE JOB ${id}`)
          await delay(random.int(300))
          await until('the job goes on', withinMs, () =>
            server.sql(`RESUME JOB ${id}`).then(
              () => true,
              () => undefined,
            ),
          )
        },
      ],
    ],
    [
      2,
      [
        'kill server',
        async () => {
          await server.kill()
          await server.restart()
        },
      ],
    ],
    [2, ['kill PostgreSQL', () => server.killPostgres()]],
    [
      1,
      [
        'kill both',
        async () => {
          await server.kill()
          server.killPostgres()
          await server.restart()
        },
      ],
    ],
    [
      2,
      [
        'kill broker',
        async () => {
          await broker.kill()
          await delay(random.int(1500))
          await broker.restart()
        },
      ],
    ],
    [
      1,
      [
        'freeze broker',
        async () => {
          broker.freeze()
          await delay(random.int(3000))
          broker.thaw()
        },
      ],
    ],
    [
      3,
      [
        'cut connections to the broker',
        async () => {
          for (let i = 0; i < 10; i++) {
            thief.cutAfter(1 + random.int(20_000))
            await delay(random.int(60))
            thief.cut()
          }
          thief.cutAfter(Number.POSITIVE_INFINITY)
        },
      ],
    ],
    [2, ['add column', () => run(`ALTER TABLE foo ADD COLUMN test${++made} STRING DEFAULT 'x'`)]],
    [1, ['drop column', () => run(`ALTER TABLE foo DROP COLUMN IF EXISTS test${made}`)]],
    [2, ['cut ingest', () => run('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active')]],
    [1, ['vacuum', () => run('VACUUM foo')]],
    [2, ['setting', () => run(changeSetting(random, { database, role: 'root', isJob: true }))]],
  ]
  for (let i = 0; i < disturbances; i++) {
    await delay(100 + random.int(400))
    const [name, act] = random.pick(events.map(([weight, event]) => [weight, event] as const))
    said.push(name)
    await act()
  }
}
