// What a changefeed does and says when its schema registry is in trouble. schema-registry.kafka.test.ts asks a real one.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import type pg from 'pg'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestJob } from '../feed/test-job.ts'
import { TestServer } from '../server/test-server.ts'
import { AnsweringRegistry, type RegistryQuestion } from '../support/answering-registry.ts'
import { until } from '../support/until.ts'

const withinMs = 30_000

let server: TestServer
let registry: AnsweringRegistry
/** Writes an answer in place of an id; undefined: the registry gives ids. */
let instead: ((question: RegistryQuestion, response: ServerResponse) => void) | undefined
const refuse =
  (status: number, message: string) =>
  (_: RegistryQuestion, response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }))
  }

before(async () => {
  server = await TestServer.start()
  await server.sql("SET CLUSTER SETTING changefeed.max_retry_backoff = '500ms'")
})
after(() => server[Symbol.asyncDispose]())
beforeEach(async () => {
  instead = undefined
  registry = await AnsweringRegistry.start((question, response) => {
    if (question.method === 'GET') return '[]'
    if (instead === undefined) return `{"id":${question.before}}`
    instead(question, response)
    return undefined
  })
})
afterEach(async () => {
  await registry[Symbol.asyncDispose]()
  await server.sql("CANCEL JOBS (SELECT job_id FROM [SHOW JOBS] WHERE status IN ('running', 'paused'))")
})

const withRegistry = (uri: string): string => `WITH format = avro, confluent_schema_registry = '${uri}'`

async function create(table: string, uri = registry.url): Promise<TestJob> {
  const [row] = await server.sql(
    `CREATE CHANGEFEED FOR ${table} INTO 'null://' ${withRegistry(uri)}, min_checkpoint_frequency = '100ms'`,
  )
  return new TestJob(server, String(row?.['job_id']))
}

async function metric(name: string): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text()
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1] ?? assert.fail(page))
}

test('a registry that does not answer is an error of the statement, of a job and on a connection', async () => {
  await server.sql('CREATE TABLE asked (id INT PRIMARY KEY)')
  const down = await AnsweringRegistry.start(() => undefined)
  const downUrl = down.url
  await down[Symbol.asyncDispose]()
  await using silent = await AnsweringRegistry.start(() => undefined)
  const table: [uri: string, message: RegExp, hint: RegExp][] = [
    [downUrl, /^the schema registry http:\/\/localhost:\d+ cannot be reached: connect ECONNREFUSED/, /nothing listens/],
    [`${silent.url}?timeout=1s`, /did not answer within 1 s$/, /timeout/],
  ]
  for (const into of ['', `INTO 'null://'`]) {
    for (const [uri, message, hint] of table) {
      const sql = `CREATE CHANGEFEED FOR asked ${into} ${withRegistry(uri)}`
      await assert.rejects(server.sql(sql), (error: pg.DatabaseError) => {
        assert.match(error.message, message)
        assert.match(error.hint ?? '', hint)
        assert.equal(error.code, '58000')
        return true
      })
    }
  }
  assert.deepEqual(await server.sql('SELECT job_id FROM [SHOW JOBS]'), [])
})

test('no secret of the registry is shown, stored in clear or logged, and a server that starts again has it', async () => {
  await server.sql('CREATE TABLE hidden (id INT PRIMARY KEY); INSERT INTO hidden VALUES (1)')
  const job = await create('hidden', registry.url.replace('//', '//KEY:hunter%2F2@') + '/base?timeout=10s')
  const wanted = `Basic ${Buffer.from('KEY:hunter/2').toString('base64')}`
  await until('it registers', withinMs, () => registry.questions.find(({ method }) => method === 'POST'))
  const { description } = await job.row()
  const shown = `${registry.url.replace('//', '//redacted@')}/base?timeout=10s`
  assert.equal(
    description,
    `CREATE CHANGEFEED FOR TABLE hidden INTO 'null:' WITH OPTIONS (confluent_schema_registry = '${shown}', format = 'avro', min_checkpoint_frequency = '100ms')`,
  )
  const [stored] = await server.sql(`SELECT payload FROM changefeed.jobs WHERE job_id = ${job.id}`, 'system')
  assert.match(String(stored?.['payload']), /"registry": ?\{"tag": ?"sealed"/)
  await server.kill()
  await server.restart()
  const before = registry.questions.length
  await server.sql('ALTER TABLE hidden ADD COLUMN v INT DEFAULT 1')
  await until('it registers the next schema', withinMs, () => registry.questions.length > before || undefined)
  assert.ok(registry.questions.every(({ headers }) => headers.authorization === wanted))

  const logs = join(server.storeDir, 'logs')
  const files = readdirSync(logs).map((file) => readFileSync(join(logs, file), 'utf8'))
  const everywhere = [...files, server.output, description, JSON.stringify(stored)]
  for (const text of everywhere) assert.doesNotMatch(text, /hunter|SFVOVEVS|KEY:/i)
  assert.ok(!everywhere.some((text) => text.includes(wanted.slice(6))))
})

test('a job whose registry is down says so within seconds, and goes on when it is back', async () => {
  await server.sql('CREATE TABLE waits (id INT PRIMARY KEY)')
  const job = await create('waits')
  const registrations = await metric('changefeed_schema_registry_registrations')
  instead = refuse(503, 'no leader')
  await server.sql('INSERT INTO waits VALUES (1)')
  const { status, running_status: said } = await job.until('it says why', (row) =>
    /registry/.test(row.running_status ?? ''),
  )
  assert.equal(status, 'running')
  assert.equal(
    said,
    `waiting: the schema registry ${registry.url} does not answer the request at the moment: 503 no leader; it may pass, otherwise ask whoever runs the registry; it is asked again`,
  )
  await until('the retries are counted', withinMs, async () =>
    (await metric('changefeed_schema_registry_retry_count')) > 0 ? true : undefined,
  )
  instead = undefined
  await job.until('it goes on', (row) => !/registry/.test(row.running_status ?? ''))
  await until('the registrations are counted', withinMs, async () =>
    (await metric('changefeed_schema_registry_registrations')) > registrations ? true : undefined,
  )
})

test('a job whose schema is refused says why and what to do, and goes on once it is accepted', async () => {
  await server.sql('CREATE TABLE refused (id INT PRIMARY KEY)')
  const job = await create('refused')
  instead = refuse(409, 'it is incompatible')
  await server.sql('INSERT INTO refused VALUES (1)')
  const { status, running_status: said } = await job.until('it says why', (row) => /409/.test(row.running_status ?? ''))
  assert.equal(status, 'running')
  const [, subject] =
    /^transient error: the schema registry http:\S+ refuses the schema of subject "(.*)": 409 it is incompatible; undo the change of the table if no row was written since, or set the compatibility of the subject: PUT \{"compatibility": "NONE"\} to http:\S+\/config\/\1$/.exec(
      said ?? '',
    ) ?? assert.fail(said ?? '')
  assert.match(subject ?? '', /^refused-(?:key|value)$/)
  instead = undefined
  await job.until('it goes on', (row) => !/409/.test(row.running_status ?? ''))
})

test('a changefeed on a connection says that it waits, and ends with what the registry refuses', async () => {
  await server.sql('CREATE TABLE connected (id INT PRIMARY KEY); INSERT INTO connected VALUES (1)')
  instead = refuse(503, 'later')
  const sql = `EXPERIMENTAL CHANGEFEED FOR connected ${withRegistry(registry.url)}`
  await using feed = await SinklessFeed.open(server, sql)
  await until('a notice', withinMs, () => feed.notices.find((notice) => /^changefeed is waiting: .*503/.test(notice)))
  instead = refuse(409, 'no')
  await feed.ended
  assert.match(feed.error?.message ?? '', /refuses the schema of subject "connected-(?:key|value)": 409 no$/)
  assert.match(feed.error?.hint ?? '', /compatibility/)
  assert.equal(feed.error?.code, '42804')
})

test('a registry is only where changefeed.sink.allowed_hosts allows it, also when a job starts again', async () => {
  await server.sql('CREATE TABLE allowed (id INT PRIMARY KEY)')
  const job = await create('allowed')
  await server.sql("SET CLUSTER SETTING changefeed.sink.allowed_hosts = 'elsewhere'")
  try {
    const refused = /^error: no schema registry may be at localhost:\d+$/
    await assert.rejects(create('allowed'), refused)
    await assert.rejects(server.sql(`CREATE CHANGEFEED FOR allowed ${withRegistry(registry.url)}`), refused)
    await job.pause()
    await job.resume()
    const { error } = await job.reaches('paused')
    assert.match(error, /^no schema registry may be at localhost:\d+$/)
  } finally {
    await server.sql('RESET CLUSTER SETTING changefeed.sink.allowed_hosts')
  }
})
