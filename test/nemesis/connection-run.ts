// One run of the nemesis over a connection: random writers, random disturbances (those of events.ts; a reader that leaves
// and comes back, and that loses its rights), then every validator.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { compareHlc, zeroHlc } from '../../src/core/hlc.ts'
import { History } from '../history/history.ts'
import { ReferenceSlot } from '../history/reference-slot.ts'
import { tagTable } from '../history/placed-transactions.ts'
import { type TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { attempt, eventsOf, happen } from './events.ts'
import { judgeStops } from '../validators/stops.ts'
import { judge } from './judge.ts'
import { isFull, optionsOf, optionTexts, schemaOptionsOf } from './options.ts'
import { Random } from './random.ts'
import { Reader } from './reader.ts'
import { createSelfChecked, SelfChecked, selfChecked } from './self-checked.ts'
import { createChanged, SchemaChanger } from './schema-changer.ts'
import { resetSettings } from './settings.ts'
import { endWithTruncation } from './truncation.ts'
import { createTables, Workload } from './workload.ts'

const writers = 4
const withinMs = 60_000
const changeEveryMs = 700

export interface ConnectionRunOptions {
  /** Behind a gate. */
  readonly server: TestServer
  readonly seed: number
  readonly disturbances: number
  /** What is done is written down here. */
  readonly said: string[]
}

export function databaseOf(seed: number): string {
  return `nemesis_${seed}`
}

/** Gives a line about what happened; throws what the validators found. */
export async function runOverConnection({ server, seed, disturbances, said }: ConnectionRunOptions): Promise<string> {
  const random = new Random(seed)
  const database = databaseOf(seed)
  const user = `reader_${seed}`
  const roles = ['root', user]
  await server.sql(`CREATE DATABASE ${database}`)
  await server.sql(`CREATE USER ${user}`)
  // Deadlocks are part of the plan; waiting for them is not.
  await server.sql(`ALTER DATABASE ${database} SET deadlock_timeout = '10ms'`)
  await server.sql(`${createTables}; ${createSelfChecked}`, database)
  if (isFull(seed)) await server.sql('ALTER TABLE foo REPLICA IDENTITY FULL', database)
  await server.sql(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${user}`, database)
  const history = new History({ foo: ['id'], [tagTable]: ['n'] })
  await using reference = await ReferenceSlot.create(() => server.connect(database), history)
  await server.sql(`BEGIN; ${createChanged}; COMMIT`, database)
  const workload = new Workload(server, database)
  const changer = new SchemaChanger({ server, database, random: new Random(seed * 1000 + 200), said })
  const checked = new SelfChecked(server, database, schemaOptionsOf(seed).policy)
  const stop = new AbortController()
  const writing = Array.from({ length: writers }, (_, i) => workload.write(new Random(seed * 1000 + i), stop.signal))
  await delay(100 + random.int(400))

  const has = { ...optionsOf(seed), ...schemaOptionsOf(seed) }
  const options = ['updated', `resolved`, ...optionTexts(seed)]
  // A table whose key moves all the time would stop the feed all the time.
  const hasSelfChecked = has.policy !== 'stop'
  const tables = ['foo', tagTable, ...(hasSelfChecked ? selfChecked : [])]
  const statement = `EXPERIMENTAL CHANGEFEED FOR ${tables.join(', ')} WITH ${options.join(', ')}`
  const reader = new Reader({ server, database, user, statement })
  const reading = reader.read()
  reading.catch(() => undefined)
  const whileReading = <T>(wait: Promise<T>): Promise<unknown> => Promise.race([reading, wait])
  try {
    await whileReading(
      until('the initial scan is over', 30_000, () => (reader.resolved === zeroHlc ? undefined : true)),
    )
    if (hasSelfChecked) writing.push(...checked.write(seed, stop.signal))
    writing.push(changer.run(changeEveryMs, stop.signal))
    const loseSelect = async (): Promise<void> => {
      const table = random.pick(tables.map((name) => [1, name] as const))
      const done = (sql: string): Promise<unknown> =>
        until(sql, withinMs, async () => ((await attempt({ server, database }, sql)) === undefined ? true : undefined))
      await done(`REVOKE SELECT ON ${table} FROM ${user}`)
      const before = reader.refused
      await whileReading(
        until('a feed without SELECT ends', 30_000, () => (reader.refused > before ? true : undefined)),
      )
      await done(`GRANT SELECT ON ${table} TO ${user}`)
    }
    const events = [
      ...eventsOf({ server, database, random, roles, isJob: false }),
      [6, ['leave', () => reader.leave()]] as const,
      [3, ['read nothing', () => reader.rest(random.int(1500))]] as const,
      [1, ['lose SELECT', loseSelect]] as const,
    ]
    for (let i = 0; i < disturbances; i++) {
      await delay(50 + random.int(150))
      said.push(await happen(events, random))
    }
  } finally {
    server.gate.calm()
    stop.abort()
    await until('the settings are as they were', withinMs, async () =>
      (await attempt({ server, database }, ...resetSettings({ database, roles }))) === undefined ? true : undefined,
    )
    await Promise.all(writing)
  }
  await changer.last()
  // A last transaction, behind which nothing is under way.
  const tag = 1_000_000 + workload.committed
  await server.sql(`INSERT INTO ${tagTable} VALUES (${tag})`, database)
  await whileReading(
    until('everything has come', withinMs, () =>
      reader.rows().some(({ topic, key }) => topic.endsWith(tagTable) && key === `[${tag}]`) ? true : undefined,
    ),
  )
  const end = reader.rows().at(-1)?.updated ?? zeroHlc
  await whileReading(until('it is resolved', 30_000, () => (compareHlc(reader.resolved, end) >= 0 ? true : undefined)))
  await reference.catchUp()
  const verdict = judge(history, reader, { database, ...has, isAvro: false })
  const { times } = verdict
  const failures = [...verdict.failures, ...judgeStops({ ...has, times, table: 'foo', ...reader })]
  if (hasSelfChecked) failures.push(...checked.judge(reader.rows(), has.policy))
  failures.push(
    ...(await endWithTruncation({
      server,
      database,
      error: () => reader.error?.message,
      rows: () => reader.rows(),
    })),
  )
  reader.stop()
  await reading.catch(() => undefined)
  const summary = `seed ${seed}: ${options.join(', ')}; ${workload.committed} transactions, opened ${reader.opened} times, ${reader.downs} times down, ${reader.stops.length} times stopped, ${changer.committed} schema changes, ${verdict.summary}; ${said.join(', ')}`
  assert.deepEqual(failures.slice(0, 20), [], summary)
  assert.ok(workload.committed > 100, summary)
  assert.ok(verdict.streamed > 50, summary)
  assert.ok(changer.committed > 0 || changer.neverConnected, `${summary}; ${JSON.stringify([...changer.failed])}`)
  if (has.policy === 'backfill') assert.ok(verdict.backfills > 0, summary)
  return summary
}
