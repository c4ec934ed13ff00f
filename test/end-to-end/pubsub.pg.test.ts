// Jobs into Pub/Sub, in what other jobs do not have: topics, attributes, secrets in their statements, and what is refused.

import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { openPubsubFeed } from '../feed/pubsub-feed.ts'
import { TestJob } from '../feed/test-job.ts'
import { TestServer } from '../server/test-server.ts'
import { topicOf } from '../services/pubsub/pubsub-destination.ts'
import { PubsubFront } from '../services/pubsub/pubsub-front.ts'
import { skipWithoutGo } from '../services/go-program.ts'
import { PubsubServer, type PublishedMessage } from '../services/pubsub/pubsub-server.ts'
import { endTogether } from '../support/services.ts'
import { until } from '../support/until.ts'

const withinMs = 30_000
const skip = skipWithoutGo
let server: TestServer
let pubsub: PubsubServer
let front: PubsubFront
before(async () => {
  if (skip !== false) return
  pubsub = await PubsubServer.start()
  front = await PubsubFront.start({ server: pubsub })
  process.env['PUBSUB_EMULATOR_HOST'] = front.address
  server = await TestServer.start()
  await server.sql(`
    CREATE TABLE one (id INT PRIMARY KEY, name TEXT); INSERT INTO one VALUES (1, 'rowvalue');
    CREATE TABLE two (id INT PRIMARY KEY, name TEXT); INSERT INTO two VALUES (1, 'rowvalue')`)
})
after(async () => {
  if (skip === false) await endTogether(server, front, pubsub)
})

async function create(uri: string, options = '', tables = 'one'): Promise<TestJob> {
  const [row] = await server.sql(
    `CREATE CHANGEFEED FOR ${tables} INTO '${uri}' ${options === '' ? '' : `WITH ${options}`}`,
  )
  return new TestJob(server, String(row?.['job_id']))
}

function messages(project: string, count: number): Promise<readonly PublishedMessage[]> {
  return until(`${count} messages`, withinMs, async () => {
    const all = await front.published(project)
    return all.length >= count ? all : undefined
  })
}

const shown = (all: readonly PublishedMessage[]): readonly unknown[] =>
  all
    .map((message) => [topicOf(message), message.data.toString(), message.attributes])
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

test(
  'each table has its topic, or all have one, and the name of the table is an attribute if it is asked for',
  { skip },
  async () => {
    const each = await create('gcpubsub://each?region=us-east1&AUTH=implicit', '', 'one, two')
    assert.deepEqual(shown(await messages('each', 2)), [
      ['one', '{"Key":[1],"Value":{"after": {"id": 1, "name": "rowvalue"}},"Topic":"one"}', {}],
      ['two', '{"Key":[1],"Value":{"after": {"id": 1, "name": "rowvalue"}},"Topic":"two"}', {}],
    ])
    const all = await create(
      'gcpubsub://all?topic_name=both&with_table_name_attribute=true&AUTH=implicit',
      'unordered',
      'one, two',
    )
    assert.deepEqual(shown(await messages('all', 2)), [
      ['both', '{"Key":[1],"Value":{"after": {"id": 1, "name": "rowvalue"}},"Topic":"both"}', { TABLE_NAME: 'one' }],
      ['both', '{"Key":[1],"Value":{"after": {"id": 1, "name": "rowvalue"}},"Topic":"both"}', { TABLE_NAME: 'two' }],
    ])
    await each.cancel()
    await all.cancel()
  },
)

test('options that change messages change what is in Value, and the name of the topic', { skip }, async () => {
  const after = '{"id": 1, "name": "rowvalue"}'
  for (const [i, [parameters, options, topic, value]] of (
    [
      ['&topic_prefix=pre-', '', 'pre-one', `{"after": ${after}}`],
      ['&topic_prefix=pre-&topic_name=all', '', 'pre-all', `{"after": ${after}}`],
      ['', 'full_table_name', 'defaultdb.public.one', `{"after": ${after}}`],
      ['', 'diff', 'one', `{"after": ${after}, "before": null}`],
      ['', 'key_in_value, topic_in_value', 'one', `{"after": ${after}, "key": [1], "topic": "one"}`],
    ] as const
  ).entries()) {
    const project = `options-${i}`
    const job = await create(`gcpubsub://${project}?region=us-east1&AUTH=implicit${parameters}`, options)
    assert.deepEqual(shown(await messages(project, 1)), [
      [topic, `{"Key":[1],"Value":${value},"Topic":"${topic}"}`, {}],
    ])
    await job.cancel()
  }
})

test('existing rows come as CSV, one line in a message', { skip }, async () => {
  const job = await create('gcpubsub://csv?region=us-east1&AUTH=implicit', "format = csv, initial_scan = 'only'")
  await job.reaches('succeeded')
  assert.deepEqual(shown(await front.published('csv')), [['one', '1,rowvalue', {}]])
})

test('notices name the topics as they are, without escapes', { skip }, async () => {
  await server.sql('CREATE TABLE "☃" (i INT PRIMARY KEY)')
  const project = 'snow'
  const statement = `CREATE CHANGEFEED FOR "☃" INTO 'gcpubsub://${project}/?region=us-east1&AUTH=implicit'`
  await using feed = await openPubsubFeed({ server, front, project, statement })
  assert.deepEqual(feed.notices, ['changefeed will emit to topic ☃'])
  await server.sql('INSERT INTO "☃" VALUES (0)')
  assert.deepEqual(
    (await feed.row(1)).map(({ topic, key }) => [topic, key]),
    [['☃', '[0]']],
  )
})

test('a topic or a Pub/Sub that is not for us is an error of the statement', { skip }, async () => {
  const refused = async (uri: string, message: RegExp, hint: RegExp): Promise<void> => {
    await assert.rejects(create(uri), (error: pg.DatabaseError) => {
      assert.match(error.message, message)
      assert.match(error.hint ?? '', hint)
      return true
    })
  }
  const uri = 'gcpubsub://refused?region=us-east1&AUTH=implicit'
  const denied = { code: status.PERMISSION_DENIED, details: 'User not authorized to perform this action.' }
  front.permissions = []
  front.trouble = ({ method }) => (method === 'TestIamPermissions' ? 'take' : denied)
  try {
    await refused(
      uri,
      /the topic projects\/refused\/topics\/one is not there, or not for this account/,
      /Pub\/Sub Editor/,
    )
  } finally {
    front.trouble = () => 'take'
    front.permissions = ['pubsub.topics.publish']
  }
  await refused('gcpubsub://refused', /^region query parameter not found$/, /requires the WITH unordered option/)
  await server.sql("SET CLUSTER SETTING changefeed.sink.allowed_hosts = 'elsewhere'")
  await refused(uri, /sinks may not reach 127.0.0.1:\d+/, /allowed_hosts/)
  await server.sql('RESET CLUSTER SETTING changefeed.sink.allowed_hosts')
})

test(
  'a Pub/Sub that is away for a while never fails the job, and gets everything when it is back',
  { skip },
  async () => {
    let isAway = true
    front.trouble = ({ method }) =>
      isAway && method === 'Publish'
        ? { code: status.UNAVAILABLE, details: 'The service is currently unavailable.' }
        : 'take'
    const project = 'away'
    const statement = `CREATE CHANGEFEED FOR two INTO 'gcpubsub://${project}?region=us-east1&AUTH=implicit'
    WITH updated, resolved = '0s', min_checkpoint_frequency = '0s', pubsub_sink_config = '{"Retry": {"Max": 1, "Backoff": "1ms"}}'`
    await using feed = await openPubsubFeed({ server, front, project, statement })
    await feed.job.until('it waits', (row) => /currently unavailable/.test(row.running_status ?? ''))
    await server.sql("INSERT INTO two SELECT n, 'later' FROM generate_series(2, 100) AS n")
    isAway = false
    await feed.row(100)
    assert.equal((await feed.job.row()).status, 'running')
    front.trouble = () => 'take'
  },
)

test('no part of a key file is shown, logged or measured', { skip }, async () => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const file = JSON.stringify({ type: 'service_account', client_email: 'feed@p.iam', private_key: privateKey })
  const encoded = Buffer.from(file).toString('base64')
  const job = await create(`gcpubsub://hidden?region=us-east1&CREDENTIALS=${encodeURIComponent(encoded)}`)
  await messages('hidden', 1)
  const { description } = await job.row()
  assert.match(description, /gcpubsub:\/\/hidden\?region=us-east1&CREDENTIALS=redacted/)
  const logs = [join(server.storeDir, 'logs'), join(server.storeDir, 'postgres', 'log')].flatMap((folder) =>
    readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8')),
  )
  const texts = [
    description,
    JSON.stringify(await server.sql('SHOW JOBS')),
    await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text(),
    server.output,
    ...logs,
    spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).stdout,
  ]
  const secrets = [encoded.slice(100, 160), encodeURIComponent(encoded).slice(100, 160), privateKey.slice(100, 150)]
  for (const text of texts) for (const secret of secrets) assert.equal(text.includes(secret), false)
  await job.cancel()
})
