// Kafka behind OAUTHBEARER: brokers that check tokens against the keys of their issuer.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { KafkaFeed } from '../feed/kafka-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../services/kafka/require-kafka.ts'
import { TokenServer } from '../services/kafka/token-server.ts'
import { endTogether, startTogether } from '../support/services.ts'

const withinMs = 30_000
const reauthenticateMs = 3000
let server: TestServer
let tokens: TokenServer
let broker: KafkaBroker

before(async () => {
  if (skip !== false) return
  tokens = await TokenServer.start()
  const { properties, ...options } = tokens.brokerOptions
  ;[server, broker] = await startTogether(
    TestServer.start(),
    KafkaBroker.start({ ...options, properties: [...properties, `connections.max.reauth.ms=${reauthenticateMs}`] }),
  )
})
after(async () => {
  await endTogether(server, broker, tokens)
})

const logText = (): string => {
  const dir = join(server.storeDir, 'logs')
  return readdirSync(dir)
    .map((name) => readFileSync(join(dir, name), 'utf8'))
    .join('')
}

function into(table: string, changed: readonly (readonly [from: string | RegExp, to: string])[] = []): string {
  const ca = encodeURIComponent(Buffer.from(broker.security?.ca ?? '').toString('base64'))
  let uri = `kafka://localhost:${broker.saslPort}?ca_cert=${ca}&${tokens.parameters}`
  for (const [from, to] of changed) uri = uri.replace(from, to)
  return `CREATE CHANGEFEED FOR ${table} INTO '${uri}' WITH updated, resolved, min_checkpoint_frequency = '100ms'`
}

/** What nobody may see. */
const secrets = (): string[] => [
  tokens.clientSecret,
  Buffer.from(tokens.clientSecret).toString('base64'),
  ...tokens.given.flatMap((token) => [token, token.slice(-40)]),
]

async function refused(statement: string): Promise<Error & { readonly hint?: string; readonly code?: string }> {
  const error = await server.sql(statement).then(
    () => assert.fail('the statement was accepted'),
    (thrown: Error & { hint?: string; code?: string }) => thrown,
  )
  for (const secret of secrets()) assert.ok(!`${error.message}${error.hint}`.includes(secret), error.message)
  return error
}

test(
  'tokens that run out and connections that authenticate again lose nothing and stop nothing',
  { skip, timeout: 300_000 },
  async () => {
    tokens.lifetimeS = 4
    try {
      await server.sql('CREATE TABLE paced (id INT PRIMARY KEY, n INT)')
      await using feed = await KafkaFeed.open({ server, broker, topics: ['paced'], statement: into('paced') })
      const before = tokens.requests
      let n = 0
      const insert = async (): Promise<true | undefined> => {
        n += 1
        await server.sql(
          `INSERT INTO paced SELECT i, ${n} FROM generate_series(1, 20) i ON CONFLICT (id) DO UPDATE SET n = ${n}`,
        )
        return tokens.requests >= before + 5 ? true : undefined
      }
      await until('five tokens were needed', withinMs, insert)
      await until('all rows', withinMs, () => (feed.rows.length >= n * 20 ? true : undefined))
      assert.deepEqual(feed.failures, [])
      const { status, running_status: running } = await feed.status()
      assert.equal(status, 'running')
      assert.doesNotMatch(running ?? '', /error/)
      const [job] = await server.sql(`SELECT * FROM crdb_internal.jobs WHERE job_id = ${feed.jobId}`)
      assert.match(String(job?.['description']), /sasl_client_id=feeds&sasl_client_secret=redacted&/)
      const [row] = await server.sql(`SELECT payload FROM changefeed.jobs WHERE job_id = ${feed.jobId}`, 'system')
      assert.match(String(row?.['payload']), /"sink":\{"tag":"sealed"/)
      const log = logText()
      assert.doesNotMatch(log, /transient|tries again/)
      for (const secret of secrets()) {
        assert.ok(!log.includes(secret))
        assert.ok(!JSON.stringify([job, row]).includes(secret))
      }
    } finally {
      tokens.lifetimeS = 3600
    }
  },
)

test('what is wrong with a token is said at CREATE, without the secret', { skip, timeout: 180_000 }, async () => {
  await server.sql('CREATE TABLE vain (id INT PRIMARY KEY)')
  const wrong = encodeURIComponent(Buffer.from('wrong secret').toString('base64'))
  const secret = await refused(into('vain', [[/sasl_client_secret=[^&]*/, `sasl_client_secret=${wrong}`]]))
  assert.match(secret.message, /^the token endpoint http:\/\/localhost:\d+\/token refuses a token: 401 invalid_client$/)
  assert.equal(secret.code, '28000')
  assert.match(secret.hint ?? '', /base64/)
  const scopes = await refused(into('vain', [[/sasl_scopes=[^&]*/, 'sasl_scopes=write&sasl_scopes=all']]))
  assert.match(scopes.message, /400 invalid_scope$/)
  const grant = await refused(into('vain', [['&sasl_scopes', '&sasl_grant_type=implicit&sasl_scopes']]))
  assert.match(grant.message, /400 unsupported_grant_type$/)
  const down = await refused(
    into('vain', [[/sasl_token_url=[^&]*/, 'sasl_token_url=http%3A%2F%2Flocalhost%3A1%2Ftoken']]),
  )
  assert.match(down.message, /the token endpoint http:\/\/localhost:1\/token cannot be reached: .*ECONNREFUSED/)
  tokens.audience = 'somebody else'
  try {
    const unwanted = await refused(into('vain'))
    assert.match(unwanted.message, /SASL authentication failed.*the broker does not take the token: invalid_token/)
    assert.match(unwanted.hint ?? '', /issuer, audience, scopes/)
  } finally {
    tokens.audience = 'kafka'
  }
})

test(
  'a token endpoint that is down is waited for, one that refuses pauses the job, and RESUME goes on',
  { skip, timeout: 300_000 },
  async () => {
    await server.sql('CREATE TABLE patient (id INT PRIMARY KEY)')
    tokens.lifetimeS = 4
    try {
      await using feed = await KafkaFeed.open({ server, broker, topics: ['patient'], statement: into('patient') })
      await server.sql('INSERT INTO patient VALUES (1)')
      await feed.row(1)
      tokens.instead = { status: 503, body: 'later' }
      await until('the job says why it waits', withinMs, async () => {
        // Something to send, so that the broker notices that the session is over.
        await server.sql('INSERT INTO patient VALUES ((SELECT max(id) + 1 FROM patient))')
        const { running_status: said } = await feed.status()
        return /^transient error: .*gives no token at the moment: 503/.test(said ?? '') ? true : undefined
      })
      tokens.instead = { status: 401, body: '{"error":"invalid_client"}' }
      await until('the job is paused', withinMs, async () => {
        const { status, error } = await feed.status()
        if (status !== 'paused') return undefined
        assert.match(error, /refuses a token: 401 invalid_client$/)
        return true
      })
      tokens.instead = undefined
      await server.sql(`RESUME JOB ${feed.jobId}`)
      const [last] = await server.sql('SELECT max(id)::text AS id FROM patient')
      await until('all rows', withinMs, () => {
        const seen = new Set(feed.rows.map(({ key }) => String(key)))
        return seen.size === Number(last?.['id']) ? true : undefined
      })
      assert.deepEqual(feed.failures, [])
    } finally {
      tokens.instead = undefined
      tokens.lifetimeS = 3600
    }
  },
)

test('tokens are fetched only from machines that sinks may reach', { skip }, async () => {
  await server.sql('CREATE TABLE fenced (id INT PRIMARY KEY)')
  const allow = (hosts: string): Promise<unknown> =>
    server.sql(`SET CLUSTER SETTING changefeed.sink.allowed_hosts = '${hosts}'`)
  try {
    await allow(`localhost:${broker.saslPort}, 127.0.0.1:${broker.saslPort}`)
    const before = tokens.requests
    assert.match((await refused(into('fenced'))).message, /^sinks may not reach localhost:\d+$/)
    assert.equal(tokens.requests, before)
    await allow(`localhost, 127.0.0.1:${broker.saslPort}`)
    await using feed = await KafkaFeed.open({ server, broker, topics: ['fenced'], statement: into('fenced') })
    await server.sql('INSERT INTO fenced VALUES (1)')
    await feed.row(1)
  } finally {
    await allow('')
  }
})

test('a token endpoint over plain HTTP is told of', { skip }, async () => {
  await server.sql('CREATE TABLE plain (id INT PRIMARY KEY)')
  const client = await server.connect()
  const notices: string[] = []
  client.on('notice', ({ message }) => notices.push(message ?? ''))
  try {
    const { rows } = await client.query<{ job_id: string }>(into('plain'))
    assert.ok(
      notices.some((text) => text.startsWith('sasl_token_url is not https:')),
      notices.join('\n'),
    )
    await client.query(`CANCEL JOB ${rows[0]?.job_id}`)
  } finally {
    await client.end()
  }
})
