// One case against a server, in a database of its own.

import assert from 'node:assert/strict'
import type pg from 'pg'
import { formatHlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { type TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import type { SchemaRegistryServer } from '../services/registry/schema-registry.ts'
import type { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import type { PubsubServer } from '../services/pubsub/pubsub-server.ts'
import type { ConformanceCase } from './cases.ts'
import { Expectations } from './expectations.ts'
import { runSchemaCase } from './run-schema-case.ts'
import { hoursFromNow, Placeholders } from './placeholders.ts'

export interface CaseWorld {
  readonly server: TestServer
  /** Undefined: there is none, and the case needs none. */
  readonly broker: KafkaBroker | undefined
  /** Undefined: there is none, and the case needs none. */
  readonly registry: SchemaRegistryServer | undefined
  /** Undefined: there is none, and the case needs none. */
  readonly pubsub: PubsubServer | undefined
}

export interface CaseDatabase {
  readonly name: string
  readonly client: pg.Client
  readonly placeholders: Placeholders
  /** Cases name the database that they are in. */
  readonly named: (text: string) => string
}

/** The case's tables are made; `run` does the rest. */
export async function inOwnDatabase(
  { server, registry }: CaseWorld,
  { id, sql }: ConformanceCase,
  run: (database: CaseDatabase) => Promise<void>,
): Promise<void> {
  const name = `case_${id.replaceAll('-', '_')}`
  const named = (text: string): string => text.replaceAll(/\b(?:defaultdb|d)\.(?=\w)/g, `${name}.`)
  await server.sql(`CREATE DATABASE ${name}`)
  const client = await server.connect(name)
  const placeholders = new Placeholders()
  placeholders.set('registry', registry?.url ?? 'no registry')
  try {
    for (const statement of sql) await runStatement(server, client, statement, placeholders)
    await run({ name, client, placeholders, named })
  } finally {
    await client.end()
  }
}

export async function runCase(world: CaseWorld, original: ConformanceCase): Promise<void> {
  const { feed, steps } = original
  await inOwnDatabase(world, original, async (database) => {
    const { client, placeholders } = database
    if (feed === '') {
      return original.area === 'schema-change' ? runSchemaCase(original, client) : runQueries(client, steps)
    }
    const values: string[] = []
    if (feed.includes('$1'))
      values.push(/now \+ 1 hour/.test(feed) ? formatHlc(hoursFromNow(1n)) : placeholders.fill('<cursor>'))
    return new FeedCase(world, database, steps).run(feed, values)
  })
}

/** The address of the registry, if the statement has one. */
export function registryOf({ registry }: CaseWorld, statement: string): string | undefined {
  return statement.includes('<registry>') ? registry?.url : undefined
}

const secondFeed = '-- start a second feed: '

class FeedCase {
  readonly #world: CaseWorld
  readonly #database: CaseDatabase
  readonly #steps: ConformanceCase['steps']

  constructor(world: CaseWorld, database: CaseDatabase, steps: ConformanceCase['steps']) {
    this.#world = world
    this.#database = database
    this.#steps = steps
  }

  async run(statement: string, values: readonly string[]): Promise<void> {
    const next = this.#steps.findIndex(({ sql }) => sql?.startsWith(secondFeed) === true)
    const own = next < 0 ? this.#steps : this.#steps.slice(0, next)
    await this.#runFeed(statement, values, own)
    if (next < 0) return
    const second = new FeedCase(this.#world, this.#database, this.#steps.slice(next + 1))
    await second.run((this.#steps[next]?.sql ?? '').slice(secondFeed.length), [])
  }

  async #runFeed(statement: string, values: readonly string[], steps: ConformanceCase['steps']): Promise<void> {
    const { server } = this.#world
    const { name: database, client, placeholders, named } = this.#database
    const options = { database, values, registry: registryOf(this.#world, statement), asAvro: true }
    await using feed = await SinklessFeed.open(server, named(placeholders.fill(statement)), options)
    const expectations = new Expectations(feed, placeholders)
    for (const { sql, expect, expect_error: expectedError } of steps) {
      if (sql !== undefined) await runStatement(server, client, sql, placeholders)
      if (expect !== undefined) await expectations.check(expect.map(named))
      if (expectedError !== undefined) {
        await feed.ended
        const message = feed.error?.message ?? 'no error'
        const pattern = placeholders.errorPattern(named(expectedError))
        assert.match(message, pattern)
        const [, timestamp] = pattern.exec(message) ?? []
        if (timestamp !== undefined) placeholders.set('timestamp from the error', timestamp)
      }
    }
    const mayFail = steps.some(({ expect_error: expectedError }) => expectedError !== undefined)
    expectations.end({ mayFail })
  }
}

/** A case without a feed: what each statement gives in its first row. */
async function runQueries(client: pg.Client, steps: ConformanceCase['steps']): Promise<void> {
  let outcome: { readonly value?: string; readonly error?: string } = {}
  for (const { sql, expect, expect_error: expectedError } of steps) {
    if (sql !== undefined) {
      outcome = await client.query<string[]>({ text: sql, rowMode: 'array' }).then(
        ({ rows }) => ({ value: rows[0]?.[0] ?? '' }),
        (error: Error) => ({ error: error.message }),
      )
    }
    if (expect !== undefined) assert.deepEqual(outcome, { value: expect[0] })
    if (expectedError !== undefined) assert.match(outcome.error ?? 'no error', new RegExp(expectedError))
  }
}

/** A comment behind a statement names what it returns: `-- = id0`. */
export async function runStatement(
  server: TestServer,
  client: pg.Client,
  statement: string,
  placeholders: Placeholders,
): Promise<void> {
  if (statement === '-- lose the slot --') {
    await loseSlots(server, client.database)
    return
  }
  if (statement.startsWith('-- take the cursor here') || statement.startsWith('SELECT now as HLC')) {
    const name = /-- = (\w+)/.exec(statement)?.[1] ?? 'cursor'
    const { rows } = await client.query<{ now: string }>('SELECT cluster_logical_timestamp() AS now')
    placeholders.set(name, rows[0]?.now ?? '')
    return
  }
  const [text = '', name] = statement.split(/ -- = ?/)
  if (text === '' || text.startsWith('--')) return
  const result = await client.query<string[]>({ text, rowMode: 'array' })
  const last = Array.isArray(result) ? (result as pg.QueryArrayResult<string[]>[]).at(-1) : result
  if (name !== undefined) placeholders.set(name.trim(), String(last?.rows[0]?.at(-1)))
}

/** As PostgreSQL does when it has to keep too much for a slot; whoever reads it comes back at once, so it is a race. */
async function loseSlots(server: TestServer, database: string | undefined): Promise<void> {
  await until('the slot is lost', 20_000, async () => {
    const ofDatabase = `FROM pg_replication_slots WHERE database = '${database}'`
    await server.sql(`SELECT pg_terminate_backend(active_pid) ${ofDatabase} AND active`)
    return server.sql(`SELECT pg_drop_replication_slot(slot_name) ${ofDatabase}`).then(
      (rows) => (rows.length > 0 ? true : undefined),
      () => undefined,
    )
  })
}
