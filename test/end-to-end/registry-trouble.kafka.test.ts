// A changefeed in Avro while its schema registry is down, does not answer, or wants TLS and a user.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import { KafkaFeed } from '../feed/kafka-feed.ts'
import type { JobRow } from '../feed/test-job.ts'
import { TestServer } from '../server/test-server.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { makeSecurity } from '../services/kafka/kafka-security.ts'
import { RegistryFront } from '../services/registry/registry-front.ts'
import { skipWithoutRegistry as skip } from '../services/registry/require-registry.ts'
import { SchemaRegistryServer } from '../services/registry/schema-registry.ts'
import { endTogether, startTogether } from '../support/services.ts'
import { within } from '../support/until.ts'

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

function open(table: string, url: string): Promise<KafkaFeed> {
  const format = `format = avro, confluent_schema_registry = '${url}', updated, resolved, min_checkpoint_frequency = '0s'`
  const statement = `CREATE CHANGEFEED FOR ${table} INTO 'kafka://${broker.bootstrap}' WITH ${format}`
  // Messages are read with the registry itself, which has no trouble.
  return KafkaFeed.open({ server, broker, topics: [table], statement, registry: registry.url })
}

const saysOf = (feed: KafkaFeed, pattern: RegExp): Promise<JobRow> =>
  feed.job.until(`the job says ${pattern.source}`, ({ running_status: text }) => pattern.test(text ?? ''))

const keysOf = (feed: KafkaFeed): string[] => [...new Set(feed.rows.map(({ topic, key }) => `${topic}${key}`))].sort()

test('a statement whose registry does not answer is refused, and creates no job', { skip }, async () => {
  await using front = await RegistryFront.start({ to: registry.url })
  await server.sql('CREATE TABLE no_registry (id INT PRIMARY KEY)')
  const jobs = async (): Promise<unknown> => (await server.sql('SELECT count(*) FROM [SHOW JOBS]'))[0]?.['count']
  const count = await jobs()
  front.instead = 'hang'
  await using hanging = await open('no_registry', `${front.url}?timeout=2s`)
  assert.match(hanging.error?.message ?? '', new RegExp(`schema registry ${front.url} did not answer within 2 s`))
  await front.close()
  await using feed = await open('no_registry', front.url)
  assert.match(feed.error?.message ?? '', new RegExp(`schema registry ${front.url} cannot be reached`))
  assert.equal(await jobs(), count)
})

for (const trouble of ['refuses connections', 'does not answer', 'answers 503'] as const)
  test(`a registry that ${trouble} for a while: the job says so, and nothing is lost`, { skip }, async () => {
    await using front = await RegistryFront.start({ to: registry.url })
    const t = `t_${trouble.replaceAll(' ', '_')}`
    await server.sql(`CREATE TABLE ${t} (id INT PRIMARY KEY); INSERT INTO ${t} VALUES (1)`)
    await using feed = await open(t, `${front.url}?timeout=4s`)
    await feed.row(1)
    // The schema of resolved messages is registered, too.
    await feed.resolvedPast(zeroHlc)

    if (trouble === 'refuses connections') await front.close()
    else front.instead = trouble === 'does not answer' ? 'hang' : { status: 503, body: 'busy' }
    // It needs no registry for a schema that is registered.
    await server.sql(`INSERT INTO ${t} VALUES (2)`)
    await feed.row(2)
    await server.sql(`ALTER TABLE ${t} ADD COLUMN b INT`)
    await server.sql(`INSERT INTO ${t} VALUES (3, 3), (4, 4)`)
    const startedMs = Date.now()
    const { status } = await saysOf(feed, new RegExp(`schema registry ${front.url}.*(reach|answer)`))
    assert.equal(status, 'running')
    assert.ok(Date.now() - startedMs < 15_000)
    assert.equal(feed.rows.length, 2)

    front.instead = undefined
    if (trouble === 'refuses connections') await front.open()
    await feed.row(4)
    assert.deepEqual(keysOf(feed), [`${t}[1]`, `${t}[2]`, `${t}[3]`, `${t}[4]`])
    await feed.job.until('the job runs', ({ running_status: text }) => !/registry/.test(text ?? ''))
  })

test('a job whose server starts again without the registry waits for it', { skip }, async () => {
  await using front = await RegistryFront.start({ to: registry.url })
  await server.sql('CREATE TABLE again (id INT PRIMARY KEY); INSERT INTO again VALUES (1)')
  await using feed = await open('again', front.url)
  await feed.row(1)
  await server.kill()
  await front.close()
  await server.restart()
  await server.sql('INSERT INTO again VALUES (2)')
  await saysOf(feed, /registry/)
  await front.open()
  await feed.job.until('the job runs', ({ running_status: text }) => !/registry/.test(text ?? ''))
  await server.sql('INSERT INTO again VALUES (3)')
  // Row 1 may come again.
  await within(30_000, 'all rows', () => keysOf(feed).length === 3)
})

test(
  'a registry with TLS, a user and client certificates; neither the password nor a key is shown',
  { skip },
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'changefeed-registry-tls-'))
    const { ca, clientCert: cert, clientKey: key } = makeSecurity(dir)
    const tls = { cert, key, clientCa: ca }
    rmSync(dir, { recursive: true })
    const password = 'päss w/ord'
    await using front = await RegistryFront.start({
      to: registry.url,
      tls,
      user: { name: 'feeds', password },
      path: '/schemas',
    })
    const url = (user: string, given: string, more = ''): string =>
      front.url.replace('://', `://${user}:${encodeURIComponent(given)}@`) + more
    const base64 = (text: string): string => encodeURIComponent(Buffer.from(text).toString('base64'))
    await server.sql('CREATE TABLE secured (id INT PRIMARY KEY); INSERT INTO secured VALUES (1)')
    const withCa = `?ca_cert=${base64(ca)}`
    const withAll = `${withCa}&client_cert=${base64(cert)}&client_key=${base64(key)}`

    const refused = async (given: string, reason: RegExp): Promise<void> => {
      await using feed = await open('secured', given)
      assert.match(feed.error?.message ?? '', reason)
      assert.ok(!(feed.error?.message ?? '').includes(given))
    }
    await refused(url('feeds', 'wrong', withAll), /refuses the credentials: 401/)
    await refused(url('feeds', password), /certificate/)
    await refused(url('feeds', password, withCa), /schema registry/)

    await using feed = await open('secured', url('feeds', password, withAll))
    await feed.row(1)
    await server.sql('INSERT INTO secured VALUES (2)')
    await feed.row(2)
    assert.deepEqual(keysOf(feed), ['secured[1]', 'secured[2]'])
    const { description } = await feed.status()
    assert.match(description, /confluent_schema_registry = 'https:\/\/redacted@localhost/)
    const log = readFileSync(join(server.storeDir, 'logs', 'changefeed.log'), 'utf8')
    for (const secret of [password, encodeURIComponent(password), base64(key)]) {
      assert.ok(!description.includes(secret))
      assert.ok(!log.includes(secret))
    }
  },
)
