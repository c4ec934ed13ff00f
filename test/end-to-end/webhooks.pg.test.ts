// Jobs into webhooks, in what other jobs do not have: secrets everywhere in their statements, addresses, answers, and the receivers of
// the guide.

import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { TestJob } from '../feed/test-job.ts'
import { openWebhookFeed } from '../feed/webhook-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { HookServer } from '../services/webhook/hook-server.ts'
import { endTogether, startTogether } from '../support/services.ts'
import { until } from '../support/until.ts'

const withinMs = 30_000
let server: TestServer
let hooks: HookServer
before(async () => {
  ;[server, hooks] = await startTogether(TestServer.start(), HookServer.start())
  await server.sql("CREATE TABLE t (id INT PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'rowvalue')")
})
after(async () => {
  await endTogether(server, hooks)
})

async function create(uri: string, options = ''): Promise<TestJob> {
  const [row] = await server.sql(`CREATE CHANGEFEED FOR t INTO '${uri}' ${options === '' ? '' : `WITH ${options}`}`)
  return new TestJob(server, String(row?.['job_id']))
}

test('nothing of a URI or a header that may be a secret is shown, logged or measured', async () => {
  const [host, parameters] = [hooks.address, hooks.parameters]
  hooks.trouble = ({ headers, path, body }) => ({
    status: 500,
    body: `no ${JSON.stringify(headers)} at ${path} for ${body}`,
  })
  const job = await create(
    `webhook-https://us3cret:pa55s3cret@${host}/hooks/k3ys3cret?token=t0ks3cret&bares3cret&${parameters}`,
    `extra_headers = '{"X-Api-Key": "xs3cret"}', webhook_sink_config = '{"Retry": {"Max": 1, "Backoff": "1ms"}}'`,
  )
  const other = await create(hooks.uri('/other'), `webhook_auth_header = 'Bearer bs3cret'`)
  const { running_status: says } = await job.until('the answer is in running_status', (row) =>
    /answered 500 Internal Server Error/.test(row.running_status ?? ''),
  )
  assert.equal(hooks.requests[0]?.headers['x-api-key'], 'xs3cret')
  const shown = [
    says,
    (await job.row()).description,
    (await other.row()).description,
    JSON.stringify(await server.sql('SHOW JOBS')),
    JSON.stringify(await server.sql('SELECT * FROM crdb_internal.jobs')),
    await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text(),
    server.output,
    ...logs(),
    spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
      .stdout.split('\n')
      .filter((line) => !line.startsWith('ps '))
      .join('\n'),
  ]
  for (const text of shown) assert.doesNotMatch(text ?? '', /s3cret|rowvalue/)
  assert.match(shown[1] ?? '', /webhook-https:\/\/redacted@[^/]*\/redacted\?token=redacted&redacted&ca_cert=redacted/)
  await job.cancel()
  await other.cancel()
  hooks.trouble = () => 'take'
})

function logs(): readonly string[] {
  return [join(server.storeDir, 'logs'), join(server.storeDir, 'postgres', 'log')].flatMap((folder) =>
    readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8')),
  )
}

test('an endpoint that cannot be reached, or may not be, is an error of the statement', async () => {
  const refused = async (uri: string, message: RegExp, code: string): Promise<void> => {
    await assert.rejects(create(uri), (error: pg.DatabaseError) => {
      assert.match(error.message, message)
      assert.equal(error.code, code)
      return true
    })
  }
  await refused('webhook-https://127.0.0.1:1/', /the webhook https:\/\/127.0.0.1:1 cannot be reached/, '58000')
  await refused(hooks.uri('/', ''), /cannot be reached: .*certificate/, '58000')
  for (const host of ['169.254.169.254', '2852039166', '[fd00:ec2::254]', 'metadata.google.internal'])
    await refused(`webhook-https://${host}/latest`, /is the metadata service of a cloud/, '42501')
  await refused('webhook-http://8.8.8.8/?insecure_plain_http=true', /an address elsewhere/, '42501')
  await server.sql("SET CLUSTER SETTING changefeed.sink.allowed_hosts = 'elsewhere'")
  await refused(hooks.uri(), /sinks may not reach 127.0.0.1:\d+/, '42501')
  await server.sql('RESET CLUSTER SETTING changefeed.sink.allowed_hosts')
})

test('an endpoint that is down for a while never fails the job, and gets everything when it is back', async () => {
  let isDown = true
  hooks.trouble = () => (isDown ? { status: 503 } : 'take')
  const options = `updated, resolved = '0s', min_checkpoint_frequency = '0s', webhook_sink_config = '{"Retry": {"Max": 1, "Backoff": "1ms"}}'`
  const path = '/down'
  const statement = `CREATE CHANGEFEED FOR t INTO '${hooks.uri(path)}' WITH ${options}`
  await using feed = await openWebhookFeed({ server, hooks, path, statement })
  await feed.job.until('it waits', (row) => /503 Service Unavailable/.test(row.running_status ?? ''))
  await server.sql("INSERT INTO t SELECT n, 'later' FROM generate_series(2, 100) AS n")
  isDown = false
  await feed.row(100)
  assert.equal((await feed.job.row()).status, 'running')
  await server.sql('DELETE FROM t WHERE id > 1')
  hooks.trouble = () => 'take'
})

test('a slow endpoint holds up its own job and no other', async () => {
  await using slow = await HookServer.start()
  slow.break()
  const held = await create(slow.uri(), "webhook_client_timeout = '1h'")
  const [path, statement] = [
    '/quick',
    `CREATE CHANGEFEED FOR t INTO '${hooks.uri('/quick')}' WITH updated, resolved = '0s', min_checkpoint_frequency = '0s'`,
  ]
  await using feed = await openWebhookFeed({ server, hooks, path, statement })
  await feed.row(1)
  await server.sql("UPDATE t SET name = 'quick'")
  await feed.row(2)
  assert.equal(slow.taken.length, 0)
  await held.cancel()
})

test('existing rows come as CSV, with the names of the columns in each request', async () => {
  const requests: string[] = []
  hooks.at('/csv', ({ body }) => requests.push(body))
  await server.sql(
    `CREATE TABLE people (id INT PRIMARY KEY, "first, last" TEXT); INSERT INTO people VALUES (1, 'A, B'), (2, NULL)`,
  )
  const [row] = await server.sql(
    `CREATE CHANGEFEED FOR people INTO '${hooks.uri('/csv')}' WITH format = csv, initial_scan = 'only', csv_header`,
  )
  await new TestJob(server, String(row?.['job_id'])).reaches('succeeded')
  const lines = requests.flatMap((body) => {
    const [first, ...rest] = body.split('\n')
    assert.equal(first, 'id,"first, last"')
    return rest
  })
  assert.deepEqual(lines.sort(), ['1,"A, B"', '2,NULL'])
})

const examples = fileURLToPath(new URL('../../examples/webhook', import.meta.url))

class Receiver implements AsyncDisposable {
  readonly #child: ChildProcess
  output = ''

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text))
  }

  async uri(): Promise<string> {
    const port = await until('the receiver listens', withinMs, () => /port (\d+)/.exec(this.output)?.[1])
    return `webhook-http://localhost:${port}/?insecure_plain_http=true`
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill()
    return Promise.resolve()
  }
}

test('the receiver in JavaScript prints what the guide says', async () => {
  await using receiver = new Receiver(process.execPath, [join(examples, 'receiver.js'), '0'])
  await server.sql(
    "CREATE TABLE office_dogs (id INT PRIMARY KEY, name TEXT); INSERT INTO office_dogs VALUES (1, 'Petee'), (2, 'Carl')",
  )
  const [row] = await server.sql(
    `CREATE CHANGEFEED FOR TABLE office_dogs INTO '${await receiver.uri()}' WITH updated, resolved = '1s', min_checkpoint_frequency = '1s'`,
  )
  await until('the rows', withinMs, () => (receiver.output.includes('"Carl"') ? true : undefined))
  await server.sql("UPDATE office_dogs SET name = 'Petee H' WHERE id = 1")
  await until('the update', withinMs, () =>
    receiver.output.includes('office_dogs [1] {"id":1,"name":"Petee H"}\n') ? true : undefined,
  )
  await server.sql('DELETE FROM office_dogs WHERE id = 2')
  await until('the delete', withinMs, () =>
    receiver.output.includes('office_dogs [2] was deleted\n') ? true : undefined,
  )
  await until('a resolved message', withinMs, () =>
    /everything up to [\d.]+ has come/.test(receiver.output) ? true : undefined,
  )
  await server.sql(`CANCEL JOB ${row?.['job_id']}`)
})

const noPython =
  spawnSync('python3', ['-c', 'import sqlite3']).status === 0 ? false : 'there is no Python 3 with sqlite3'

test('the receiver in Python keeps the present rows', { skip: noPython }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'changefeed-receiver-'))
  const file = join(folder, 'rows.db')
  try {
    await using receiver = new Receiver('python3', [join(examples, 'receiver.py'), '0', file])
    await server.sql(
      "CREATE TABLE cats (id INT PRIMARY KEY, name TEXT); INSERT INTO cats VALUES (1, 'Mimi'), (2, 'Tom')",
    )
    const [row] = await server.sql(`CREATE CHANGEFEED FOR TABLE cats INTO '${await receiver.uri()}' WITH updated`)
    await server.sql("UPDATE cats SET name = 'Mimi H' WHERE id = 1; DELETE FROM cats WHERE id = 2")
    const read = (): string =>
      spawnSync(
        'python3',
        [
          '-c',
          `import sqlite3; print(sqlite3.connect(${JSON.stringify(file)}).execute("SELECT key, after FROM present ORDER BY key").fetchall())`,
        ],
        {
          encoding: 'utf8',
        },
      ).stdout.trim()
    const wanted = `[('[1]', '{"id": 1, "name": "Mimi H"}'), ('[2]', None)]`
    await until('the rows', withinMs, () => (read() === wanted ? true : undefined)).catch(() =>
      assert.equal(read(), wanted),
    )
    await server.sql(`CANCEL JOB ${row?.['job_id']}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
