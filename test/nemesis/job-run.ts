// One run of the nemesis over a job: random writers and random disturbances (those of events.ts; pause and resume, rights lost,
// other jobs, kill -9 of the server and of PostgreSQL, and what happens to the far end of the sink), then every validator.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { compareHlc, zeroHlc } from '../../src/core/hlc.ts'
import { History } from '../history/history.ts'
import { ReferenceSlot } from '../history/reference-slot.ts'
import { tagTable } from '../history/placed-transactions.ts'
import { type TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { judgeStops } from '../validators/stops.ts'
import { judge, topicOf } from './judge.ts'
import type { NemesisFarEnd } from './far-end.ts'
import { attempt, eventsOf, happen } from './events.ts'
import { inBackfill } from './backfill-events.ts'
import { JobInTurn } from './job-in-turn.ts'
import { eventsOfJobs } from './job-events.ts'
import { isFull, optionsOf, optionTexts, schemaOptionsOf } from './options.ts'
import { Random } from './random.ts'
import { loseSelect } from './rights.ts'
import { createChanged, SchemaChanger } from './schema-changer.ts'
import { createSelfChecked, SelfChecked, selfChecked } from './self-checked.ts'
import { resetSettings } from './settings.ts'
import { countsAgree, SideJobs } from './side-jobs.ts'
import type { TinyRegistry } from '../support/tiny-registry.ts'
import { typedTable } from './typed.ts'
import { endWithTruncation } from './truncation.ts'
import { createTables, Workload } from './workload.ts'

const writers = 3
const withinMs = 90_000
const changeEveryMs = 1500

export interface JobRunOptions {
  readonly server: TestServer
  readonly farEnd: NemesisFarEnd
  /** In which the messages have their schemas; undefined: they are JSON. */
  readonly registry: TinyRegistry | undefined
  readonly seed: number
  readonly disturbances: number
  /** What is done is written down here. */
  readonly said: string[]
}

export function jobDatabaseOf({ name }: NemesisFarEnd, seed: number, format: 'json' | 'avro'): string {
  return `${name}_nemesis_${format}_${seed}`
}

/** Gives a line about what happened; throws what the validators found. */
export async function runJob({ server, farEnd, registry, seed, disturbances, said }: JobRunOptions): Promise<string> {
  const random = new Random(seed)
  const format = registry === undefined ? 'json' : 'avro'
  const database = jobDatabaseOf(farEnd, seed, format)
  const prefix = `seed_${format}_${seed}_`
  const owner = `keeper_${farEnd.name}_${format}_${seed}`
  const roles = ['root', owner]
  // The run before may have ended with a kill.
  await asItWas({ server, database: 'defaultdb', roles: ['root'] })
  await server.sql(`CREATE DATABASE ${database}`)
  await server.sql(`CREATE USER ${owner} WITH CONTROLCHANGEFEED`)
  await server.sql(`ALTER DATABASE ${database} SET deadlock_timeout = '10ms'`)
  await server.sql(`${createTables}; ${createSelfChecked}`, database)
  if (isFull(seed)) await server.sql('ALTER TABLE foo REPLICA IDENTITY FULL', database)
  await server.sql(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${owner}`, database)
  const history = new History({ foo: ['id'], [tagTable]: ['n'] })
  const facts = {
    database,
    ...optionsOf(seed),
    ...schemaOptionsOf(seed),
    isAvro: registry !== undefined,
    // Avro has none.
    ...(registry === undefined ? {} : { key_in_value: false }),
    ...(farEnd.hasKeyInValue ? { key_in_value: true } : {}),
  }
  // A table whose key moves all the time would stop the feed all the time.
  const hasSelfChecked = facts.policy !== 'stop'
  // In Avro a composite value is a text.
  const checkedTables = selfChecked.filter((table) => registry === undefined || table !== typedTable)
  const tables = ['foo', tagTable, ...(hasSelfChecked ? checkedTables : [])]
  const topics = tables.map((table) => topicOf(table, facts))
  await using reference = await ReferenceSlot.create(() => server.connect(database), history)
  await server.sql(`BEGIN; ${createChanged}; COMMIT`, database)
  const workload = new Workload(server, database)
  const changer = new SchemaChanger({ server, database, random: new Random(seed * 1000 + 200), said })
  const checked = new SelfChecked(server, database, facts.policy)
  const sideJobs = new SideJobs(server, database)
  const stop = new AbortController()
  const writing = Array.from({ length: writers }, (_, i) => workload.write(new Random(seed * 1000 + i), stop.signal))
  await delay(100 + random.int(400))

  const run = { prefix, topics, registry: registry?.url }
  const config = farEnd.options(random)
  const inAvro = [`format = avro`, `confluent_schema_registry = '${registry?.url}'`]
  const names = [
    'updated',
    'resolved',
    `min_checkpoint_frequency = '100ms'`,
    ...optionTexts(seed).filter((text) => registry === undefined || text !== 'key_in_value'),
    ...(registry === undefined ? [] : inAvro),
  ]
  const options = `${names.join(', ')}${config}`
  const into = `'${farEnd.uri(run)}'`
  const statement = `CREATE CHANGEFEED FOR ${tables.join(', ')} INTO ${into} WITH ${options}`
  await using reader = await farEnd.read(run)
  await using feed = await JobInTurn.create({ server, database, owner, statement })
  try {
    await until('the initial scan is over', withinMs, () => (reader.resolved === zeroHlc ? undefined : true))
    if (hasSelfChecked) writing.push(...checked.write(seed, stop.signal))
    writing.push(changer.run(changeEveryMs, stop.signal))
    const job = { server, farEnd, random, id: () => feed.id, database }
    const events = [
      ...eventsOf({ server, database, random, roles, isJob: true }),
      ...eventsOfJobs(job),
      ...farEnd.events(random),
      // A job that is stopped meanwhile has no successor without the right.
      ...(hasSelfChecked
        ? [[1, ['lose SELECT', () => loseSelect({ server, database, random, owner, id: feed.id, tables })]] as const]
        : []),
      inBackfill({ ...job, changer, policy: facts.policy }),
      [2, ['create a job', () => sideJobs.create()]] as const,
      [3, ['control a job', () => sideJobs.control(random)]] as const,
    ]
    for (let i = 0; i < disturbances; i++) {
      await delay(100 + random.int(400))
      said.push(await happen(events, random))
    }
  } finally {
    server.gate.calm()
    stop.abort()
    await asItWas({ server, database, roles })
    await Promise.all(writing)
  }
  await changer.last()
  const tag = 1_000_000 + workload.committed
  await until('the last transaction is written', withinMs, () =>
    server.sql(`INSERT INTO ${tagTable} VALUES (${tag}) ON CONFLICT DO NOTHING`, database).then(
      () => true,
      () => undefined,
    ),
  )
  const endMs = performance.now()
  await until('everything has come', withinMs, async () => {
    if (reader.rows().some(({ topic, key }) => topic.endsWith(tagTable) && key === `[${tag}]`)) return true
    await feed.assertRuns()
    // All that has come is read again, in the process that stands before the far end: it should have time for the rest, too.
    await delay(250)
    return undefined
  })
  const lateS = Math.round((performance.now() - endMs) / 1000)
  const end = reader.rows().reduce((last, { updated }) => (compareHlc(updated, last) > 0 ? updated : last), zeroHlc)
  await reader.done()
  await until('it is resolved', withinMs, () => (compareHlc(reader.resolved, end) >= 0 ? true : undefined))
  // The next stop is the end of the run.
  await feed.settle()
  const failures = [...(await countsAgree(server)), ...(await sideJobs.judge())]
  await reference.catchUp()
  const verdict = judge(history, reader, facts)
  const summary = `seed ${seed}: ${options}; ${workload.committed} transactions, ${changer.committed} schema changes, ${feed.stops.length} times stopped, the last transaction came after ${lateS} s, ${verdict.summary}; ${said.join(', ')}`
  const { stops, cursors } = feed
  const { times } = verdict
  const stopsOf = { ...facts, times, table: 'foo', stops, cursors, resolved: reader.resolved }
  failures.push(...verdict.failures, ...judgeStops(stopsOf))
  if (hasSelfChecked) failures.push(...checked.judge(reader.rows(), facts.policy, checkedTables))
  const error = (): Promise<string | undefined> => feed.error()
  failures.push(...(await endWithTruncation({ server, database, error, rows: () => reader.rows() })))
  assert.deepEqual(failures.slice(0, 20), [], summary)
  assert.ok(verdict.streamed > 50, summary)
  assert.ok(changer.committed > 0 || changer.neverConnected, `${summary}; ${JSON.stringify([...changer.failed])}`)
  if (facts.policy === 'backfill') assert.ok(verdict.backfills > 0, summary)
  return summary
}

/** Also when nobody may write, or when the server is coming back. */
async function asItWas(of: { server: TestServer; database: string; roles: readonly string[] }): Promise<void> {
  let failed: string | undefined
  await until('the settings are as they were', withinMs, async () => {
    failed = await attempt(of, ...resetSettings(of))
    return failed === undefined ? true : undefined
  }).catch((error: unknown) => {
    throw new Error(`settings are not as they were: ${failed}`, { cause: error })
  })
}
