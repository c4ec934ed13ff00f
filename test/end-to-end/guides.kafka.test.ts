// What the guides to schema changes, Avro and CSV show: their statements are run, and must print what stands below them.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { KafkaFeed } from '../feed/kafka-feed.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutRegistry as skip } from '../services/registry/require-registry.ts'
import { SchemaRegistryServer } from '../services/registry/schema-registry.ts'
import { endTogether, startTogether } from '../support/services.ts'

let server: TestServer
let broker: KafkaBroker
let registry: SchemaRegistryServer

before(async () => {
  if (skip !== false) return
  ;[server, broker, registry] = await startTogether(
    TestServer.start(),
    KafkaBroker.start(),
    SchemaRegistryServer.start(),
  )
})
after(() => endTogether(server, broker, registry))

/** The text of a section, without those below it. */
function section(page: string, heading: string): string {
  const text = readFileSync(fileURLToPath(new URL(`../../docs/guide/${page}.md`, import.meta.url)), 'utf8')
  const found = text.split(/^(?=#+ )/m).find((part) => part.startsWith(`${heading}\n`))
  assert.ok(found !== undefined, `${page} has a section ${heading}`)
  return found
}

/** The code of a section, block by block. */
function blocks(text: string): readonly string[] {
  return [...text.matchAll(/^```\w*\n([^]*?)^```$/gm)].map(([, code = '']) => code)
}

function statements(code = ''): string[] {
  return code.split(/;(?:\n|$)/).filter((sql) => sql.trim() !== '')
}

/** The lines of a listing, with the timestamps numbered as they come. */
function listed(lines: readonly string[]): string[] {
  const times: string[] = []
  return lines.map((line) =>
    line.replace(/\d{19}\.\d{10}/g, (time) => {
      if (!times.includes(time)) times.push(time)
      return `time ${times.indexOf(time)}`
    }),
  )
}

function linesOf(...code: readonly string[]): string[] {
  return code.flatMap((block) => block.split('\n').filter((line) => line !== ''))
}

function printed(feed: KafkaFeed): string[] {
  return feed.rows.map(({ key, value }) => `${key}\t${value}`)
}

interface Session extends AsyncDisposable {
  readonly client: pg.Client
  run(sql: readonly string[]): Promise<void>
  /** `sql`: a statement of a page into Kafka. */
  feed(sql: string, topicPrefix: string): Promise<KafkaFeed>
}

async function session(database: string): Promise<Session> {
  await server.sql(`CREATE DATABASE ${database}`)
  const client = await server.connect(database)
  return {
    client,
    async run(sql) {
      for (const statement of sql) await client.query(statement)
    },
    feed(sql, topicPrefix) {
      const isAvro = sql.includes('avro')
      return KafkaFeed.open({
        server,
        client,
        statement: sql
          .replace('localhost:9092', `${broker.bootstrap}?topic_prefix=${topicPrefix}`)
          .replace('http://localhost:8081', registry.url),
        broker,
        topicPrefix,
        topics: [/FOR TABLE (\w+)/.exec(sql)?.[1] ?? ''],
        ...(isAvro ? { registry: registry.url, asAvro: true } : {}),
      })
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}

test('the example of schema changes', { skip }, async () => {
  const [sql, alter, first = '', more, second = ''] = blocks(section('schema-changes', '## Try it'))
  const [create, insert, changefeed = ''] = statements(sql)
  await using shell = await session('schema_changes')
  await shell.run([create ?? '', insert ?? ''])
  await using feed = await shell.feed(changefeed, 'changes_')
  await feed.row(3)
  await shell.run(statements(alter))
  await feed.row(6)
  await shell.run(statements(more))
  await feed.row(8)
  assert.deepEqual(listed(printed(feed)), listed(linesOf(first, second)))
})

test('how a changefeed that has stopped is continued', { skip }, async () => {
  const text = section('schema-changes', '### Stop, and how to go on')
  const [first, second = ''] = blocks(text)
  const [create = '', insert = '', changefeed = '', ...changes] = statements(first)
  const [time = ''] = /\d{19}\.\d{10}/.exec(second) ?? []
  const message = `schema change occurred at ${time}`
  assert.ok(text.includes(`\`${message}\``))
  await using shell = await session('stopped')
  await shell.run([create, insert])
  await using stopped = await shell.feed(changefeed, 'stopped_')
  await stopped.row(1)
  await shell.run(changes)
  const { error } = await stopped.job.reaches('failed')
  assert.deepEqual(listed([error]), listed([message]))
  const [cursor = ''] = /\d{19}\.\d{10}/.exec(error) ?? []
  await using continued = await shell.feed(statements(second.replace(time, cursor))[0] ?? '', 'continued_')
  await continued.row(1)
  const [shown = ''] = /\[3\]\t\{.*\}/.exec(text) ?? []
  assert.deepEqual(listed(printed(continued)), listed([shown]))
})

test('what a changefeed prints that is behind', { skip }, async () => {
  const [sql, shown = ''] = blocks(section('schema-changes', '## A changefeed that is behind'))
  await using shell = await session('behind')
  await shell.run(['CREATE TABLE t (id INT PRIMARY KEY, name STRING)', "INSERT INTO t VALUES (1, 'ball'), (2, 'rope')"])
  await using feed = await shell.feed(
    "CREATE CHANGEFEED FOR TABLE t INTO 'kafka://localhost:9092' WITH updated",
    'behind_',
  )
  await feed.row(2)
  await feed.job.pause()
  await shell.run(statements(sql))
  await feed.job.resume()
  const lines = linesOf(shown)
  await feed.row(2 + lines.length)
  assert.deepEqual(listed(printed(feed).slice(2)), listed(lines))
})

test('the example of Avro, its schema, and the rows after a schema change', { skip }, async () => {
  const [, shell = '', consumer = ''] = blocks(section('avro', '## Try it'))
  const sql = shell.split('\n').flatMap((line) => (line.startsWith('> ') ? [line.slice(2).replace(/;$/, '')] : []))
  const at = sql.findIndex((statement) => statement.startsWith('CREATE CHANGEFEED'))
  await using dogs = await session('avro_guide')
  await dogs.run(sql.slice(0, at))
  await using feed = await dogs.feed(sql[at] ?? '', 'avro_')
  await feed.row(2)
  await dogs.run(sql.slice(at + 1))
  const lines = linesOf(consumer).slice(1)
  await feed.row(lines.length)
  assert.deepEqual(printed(feed), lines)

  const [schema = ''] = blocks(section('avro', '## The schemas of a table'))
  const [version] = await registry.versions('dogs-value')
  assert.deepEqual(JSON.parse(version?.schema ?? ''), JSON.parse(schema))

  const text = section('avro', '## When the table changes')
  await dogs.run([/`(ALTER TABLE .*?)`/.exec(text)?.[1] ?? ''])
  const again = linesOf(blocks(text)[0] ?? '')
  await feed.row(lines.length + again.length)
  assert.deepEqual(printed(feed).slice(lines.length), again)
})

test('the lines of CSV', { skip }, async () => {
  const [sql, shown = ''] = blocks(section('csv', '# Rows as CSV'))
  const [create = '', insert = '', changefeed = ''] = statements(sql)
  await using shell = await session('csv_guide')
  await shell.run([create, insert])
  await using feed = await SinklessFeed.open(server, changefeed, { database: 'csv_guide' })
  await feed.ended
  assert.deepEqual(
    feed.rows.map(({ value }) => value),
    linesOf(shown),
  )
})
