// The log while the far end of each kind of sink is in trouble: what it has to say of each job, and what it must never say.

import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { skipWithoutGo } from '../services/go-program.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutKafka } from '../services/kafka/require-kafka.ts'
import { PubsubFront } from '../services/pubsub/pubsub-front.ts'
import { PubsubServer } from '../services/pubsub/pubsub-server.ts'
import { s3Error, s3Keys, Versitygw } from '../services/storage/versitygw.ts'
import { HookServer } from '../services/webhook/hook-server.ts'
import { until } from '../support/until.ts'

const withinMs = 60_000
const keyText = 'keySecret'
const valueText = 'rowSecret'
const password = 'passSecret'

interface Line {
  readonly level: number
  readonly msg: string
  readonly job?: string
  readonly error?: string
}

function logOf(server: TestServer): string {
  const logs = join(server.storeDir, 'logs')
  return readdirSync(logs)
    .map((name) => readFileSync(join(logs, name), 'utf8'))
    .join('')
}

interface Trouble {
  readonly sink: string
  readonly uri: string
  readonly tag: string
  readonly options?: string
  /** Makes the far end refuse what comes. */
  begin(): void | Promise<void>
}

/** Creates a job, lets its far end get into trouble, writes rows, and waits until the log says that twice, of this job. */
async function inTrouble(server: TestServer, { sink, uri, tag, options = '', begin }: Trouble): Promise<void> {
  await server.sql(
    `CREATE TABLE ${sink} (id TEXT PRIMARY KEY, v TEXT); INSERT INTO ${sink} VALUES ('${keyText}0', '${valueText}')`,
  )
  const [row] = await server.sql(
    `CREATE CHANGEFEED FOR ${sink} INTO '${uri}' WITH min_checkpoint_frequency = '100ms'${options}`,
  )
  const job = String(row?.['job_id'])
  await until('the first row is delivered', withinMs, async () => {
    const [shown] = await server.sql(`SELECT high_water_timestamp FROM crdb_internal.jobs WHERE job_id = ${job}`)
    return shown?.['high_water_timestamp'] == null ? undefined : true
  })
  await begin()
  await server.sql(
    `INSERT INTO ${sink} SELECT '${keyText}' || i, repeat('${valueText}', 300) FROM generate_series(1, 20) i`,
  )
  const lines = await until(`the log says that ${sink} is in trouble`, withinMs, () => {
    const own = logOf(server)
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line)
      .filter((line) => line.job === job && /attempt \d|tries again|fail|confirmed nothing/.test(line.msg))
    return own.some(({ level }) => level === 30) && own.some(({ level }) => level >= 40) ? own : undefined
  })
  // The first one is quiet, and lines of the sink itself have its tag.
  assert.equal(lines[0]?.level, 30, JSON.stringify(lines[0]))
  for (const { msg } of lines)
    assert.ok(msg.startsWith(`[${tag}] `) || /^(?:the changefeed|changefeed is) /.test(msg), msg)
  await server.sql(`CANCEL JOB ${job}`)
}

test(
  'whatever is wrong with a sink, the log names the job, and no key, no value and no secret',
  { timeout: 400_000 },
  async (t) => {
    await using cleanup = new AsyncDisposableStack()
    const server = cleanup.use(await TestServer.start({ flags: ['--log-level=debug'] }))

    await t.test('webhook, which answers with what it was sent', async () => {
      const hooks = cleanup.use(await HookServer.start())
      await inTrouble(server, {
        sink: 'webhook',
        tag: 'webhook',
        uri: hooks.uri(),
        options: `, webhook_auth_header = 'Bearer ${password}', webhook_sink_config = '{"Retry": {"Max": 3, "Backoff": "50ms"}}'`,
        begin() {
          hooks.trouble = ({ body, headers }) => ({ status: 500, body: `${body} ${headers.authorization}` })
        },
      })
    })

    await t.test('files of the server', async () => {
      await inTrouble(server, {
        sink: 'files',
        tag: 'cloud-storage',
        uri: 'nodelocal://1/files',
        begin() {
          const folder = join(server.storeDir, 'extern')
          renameSync(folder, `${folder}.away`)
          writeFileSync(folder, 'a file in place of the folder')
        },
      })
    })

    await t.test('S3', { skip: skipWithoutGo }, async () => {
      const s3 = cleanup.use(await Versitygw.start())
      await s3.makeBucket('bucket')
      await inTrouble(server, {
        sink: 's3',
        tag: 'cloud-storage',
        uri: `s3://bucket/s3?${s3.parameters}`,
        begin() {
          s3.front.trouble = ({ method }) =>
            method === 'PUT' ? s3Error(503, 'SlowDown', `You sent ${s3Keys.secret}`) : 'pass'
        },
      })
    })

    await t.test('Kafka', { skip: skipWithoutKafka }, async () => {
      const broker = cleanup.use(await KafkaBroker.start())
      await inTrouble(server, {
        sink: 'kafka',
        tag: 'kafka-producer',
        uri: `kafka://localhost:${broker.port}`,
        begin: () => broker.kill(),
      })
    })

    await t.test('Pub/Sub', { skip: skipWithoutGo }, async () => {
      const pubsub = cleanup.use(await PubsubServer.start())
      const front = cleanup.use(await PubsubFront.start({ server: pubsub }))
      await using other = await startedWith({ PUBSUB_EMULATOR_HOST: front.address })
      await inTrouble(other, {
        sink: 'pubsub',
        tag: 'pubsub',
        uri: 'gcpubsub://p?region=us-east1&AUTH=implicit',
        options: `, pubsub_sink_config = '{"Retry": {"Max": 3, "Backoff": "50ms"}}'`,
        begin() {
          front.trouble = () => ({ code: status.UNAVAILABLE, details: 'not now' })
        },
      })
      check(logOf(other))
    })

    check(logOf(server))
  },
)

function check(log: string): void {
  assert.ok(log.length > 1000)
  for (const secret of [keyText, valueText, password, s3Keys.secret]) {
    const line = log.split('\n').find((one) => one.includes(secret))
    assert.equal(line, undefined)
  }
}

async function startedWith(environment: Readonly<Record<string, string>>): Promise<TestServer> {
  Object.assign(process.env, environment)
  try {
    return await TestServer.start({ flags: ['--log-level=debug'] })
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name]
  }
}
