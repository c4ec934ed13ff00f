// What Kafka would refuse is said by CREATE CHANGEFEED, with a hint, and leaves no job; what it refuses later is named
// without the values of rows.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { KafkaFeed } from '../feed/kafka-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../services/kafka/require-kafka.ts'
import { endTogether, startTogether } from '../support/services.ts'

const withinMs = 30_000
let server: TestServer
let broker: KafkaBroker

before(async () => {
  if (skip !== false) return
  const authorizer = 'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer'
  ;[server, broker] = await startTogether(
    TestServer.start(),
    // Whoever comes over the plain listener may do everything, the user of the secure one nothing.
    KafkaBroker.start({ security: true, properties: [authorizer, 'super.users=User:ANONYMOUS'] }),
  )
})
after(async () => {
  await endTogether(server, broker)
})

const jobs = async (): Promise<unknown> => (await server.sql('SELECT count(*) AS n FROM crdb_internal.jobs'))[0]?.['n']

/** The statement fails and leaves no job. */
async function refused(statement: string): Promise<Error & { readonly hint?: string }> {
  const before = await jobs()
  const error = await server.sql(statement).then(
    () => assert.fail(`accepted: ${statement}`),
    (thrown: Error & { hint?: string }) => thrown,
  )
  assert.equal(await jobs(), before)
  return error
}

/** Over the secure listener. */
function secureUri(of: KafkaBroker): string {
  const { security, saslPort } = of
  assert.ok(security)
  const ca = encodeURIComponent(Buffer.from(security.ca).toString('base64'))
  const sasl = `sasl_enabled=true&sasl_mechanism=SCRAM-SHA-256&sasl_user=${security.user}&sasl_password=${security.password}`
  return `kafka://localhost:${saslPort}?tls_enabled=true&ca_cert=${ca}&${sasl}`
}

test('two tables of one name in one topic are told of, with the option that parts them', { skip }, async () => {
  const client = await server.connect()
  const notices: string[] = []
  client.on('notice', ({ message }) => notices.push(message ?? ''))
  try {
    await client.query('CREATE SCHEMA other')
    await client.query('CREATE TABLE twin (id INT PRIMARY KEY)')
    await client.query('CREATE TABLE other.twin (id INT PRIMARY KEY)')
    const shared =
      'tables public.twin and other.twin share the topic twin, and rows with equal keys cannot be told apart; with full_table_name each has a topic of its own'
    for (const [options, isTold] of [
      ['', true],
      ['WITH full_table_name', false],
    ] as const) {
      notices.length = 0
      const { rows } = await client.query<{ job_id: string }>(
        `CREATE CHANGEFEED FOR twin, other.twin INTO 'kafka://${broker.bootstrap}' ${options}`,
      )
      assert.equal(notices.includes(shared), isTold, notices.join('\n'))
      await client.query(`CANCEL JOB ${rows[0]?.job_id}`)
    }
  } finally {
    await client.end()
  }
})

test('a topic that Kafka takes for another one is named', { skip }, async () => {
  await broker.createTopic('dots_and_lines')
  await server.sql('CREATE TABLE "dots.and_lines" (id INT PRIMARY KEY)')
  const { message, hint } = await refused(`CREATE CHANGEFEED FOR "dots.and_lines" INTO 'kafka://${broker.bootstrap}'`)
  assert.equal(
    message,
    'Kafka does not make topic dots.and_lines: topic dots_and_lines is there already, and names that differ only in "." and "_" are the same to it (INVALID_TOPIC_EXCEPTION)',
  )
  assert.match(hint ?? '', /^give the changefeed another topic_prefix or topic_name/)
})

test('a compacted topic takes rows and no resolved messages', { skip }, async () => {
  await broker.createTopic('kept', 1, { 'cleanup.policy': 'compact' })
  await broker.createTopic('kept_a_while', 1, { 'cleanup.policy': 'compact,delete' })
  for (const name of ['kept', 'kept_a_while']) {
    await server.sql(`CREATE TABLE ${name} (id INT PRIMARY KEY)`)
    await server.sql(`INSERT INTO ${name} VALUES (1)`)
    const statement = `CREATE CHANGEFEED FOR ${name} INTO 'kafka://${broker.bootstrap}'`
    const { message, hint } = await refused(`${statement} WITH resolved`)
    assert.match(
      message,
      new RegExp(`^topic ${name} is compacted \\(cleanup\\.policy=compact\\) and takes no resolved`),
    )
    assert.match(hint ?? '', /^leave out resolved/)
    await using feed = await KafkaFeed.open({ server, broker, topics: [name], statement })
    await feed.row(1)
  }
})

test('a topic that can never have the replicas that RequiredAcks ALL waits for is refused', { skip }, async () => {
  await broker.createTopic('lonely', 1, { 'min.insync.replicas': '2' })
  await server.sql('CREATE TABLE lonely (id INT PRIMARY KEY)')
  await server.sql('INSERT INTO lonely VALUES (1)')
  const statement = (acks: string): string =>
    `CREATE CHANGEFEED FOR lonely INTO 'kafka://${broker.bootstrap}' WITH kafka_sink_config = '{"RequiredAcks": "${acks}"}'`
  const { message, hint } = await refused(statement('ALL'))
  assert.equal(
    message,
    'topic lonely wants 2 replicas in sync (min.insync.replicas) and has only 1: it takes no messages with RequiredAcks ALL',
  )
  assert.match(hint ?? '', /^lower min\.insync\.replicas/)
  await using feed = await KafkaFeed.open({ server, broker, topics: ['lonely'], statement: statement('ONE') })
  await feed.row(1)
})

test('a right that is missing on a topic is said, also when the topic is there', { skip }, async () => {
  await broker.createTopic('guarded')
  await server.sql('CREATE TABLE guarded (id INT PRIMARY KEY)')
  const allow = (operation: string): void => {
    const user = `User:${broker.security?.user}`
    const acl = ['--add', '--allow-principal', user, '--operation', operation, '--topic', 'guarded']
    broker.tool('org.apache.kafka.tools.AclCommand', '--bootstrap-server', broker.bootstrap, ...acl)
  }
  const statement = `CREATE CHANGEFEED FOR guarded INTO '${secureUri(broker)}'`
  for (const operation of ['Describe', 'Write']) {
    const { message, hint } = await refused(statement)
    assert.equal(message, 'Kafka does not let this user write topic guarded (TOPIC_AUTHORIZATION_FAILED)')
    assert.match(hint ?? '', /^kafka-acls\.sh .* --operation Write --operation Create --topic guarded$/)
    allow(operation)
  }
  await using feed = await KafkaFeed.open({ server, broker, topics: ['guarded'], statement })
  await server.sql('INSERT INTO guarded VALUES (1)')
  await feed.row(1)
})

test(
  'a certificate that has run out is told of, and that there are too few brokers for a new topic',
  { skip, timeout: 180_000 },
  async () => {
    await using old = await KafkaBroker.start({
      security: true,
      certificateDays: -1,
      properties: ['default.replication.factor=3'],
    })
    await server.sql('CREATE TABLE late (id INT PRIMARY KEY)')
    const { message, hint } = await refused(`CREATE CHANGEFEED FOR late INTO '${secureUri(old)}'`)
    assert.match(message, /certificate has expired/)
    assert.equal(hint, 'the certificate of the broker, or of the CA that signed it, has run out: renew it')
    const few = await refused(`CREATE CHANGEFEED FOR late INTO 'kafka://${old.bootstrap}'`)
    assert.match(few.message, /^Kafka does not make topic late: .*3.* \(INVALID_REPLICATION_FACTOR\)$/)
    assert.match(few.hint ?? '', /^kafka-topics\.sh .*--create --topic late/)
  },
)

test(
  'a message that is too large is named by size and commit time, not by its key',
  { skip, timeout: 180_000 },
  async () => {
    await server.sql("SET CLUSTER SETTING changefeed.max_retry_backoff = '1s'")
    await broker.createTopic('narrow', 1, { 'max.message.bytes': '20000' })
    await server.sql('CREATE TABLE narrow (id TEXT PRIMARY KEY, t TEXT)')
    await server.sql("INSERT INTO narrow VALUES ('scanned', 'small')")
    await using feed = await KafkaFeed.open({
      server,
      broker,
      topics: ['narrow'],
      statement: `CREATE CHANGEFEED FOR narrow INTO 'kafka://${broker.bootstrap}' WITH updated, mvcc_timestamp`,
    })
    await feed.row(1)
    await server.sql(
      "INSERT INTO narrow VALUES ('before', 'small'), ('secret', repeat('x', 30000)), ('behind', 'small')",
    )
    const said = await until('the job says why it waits', withinMs, async () => {
      const { running_status: status } = await feed.status()
      return status?.startsWith('transient error: ') === true ? status : undefined
    })
    const [, size, mvcc] =
      /^transient error: message too large: a row of table "narrow" \(key columns: id\) gives a message that topic narrow does not take \(size=(\d+), mvcc=(\d+\.\d{10})\); .*max\.message\.bytes/.exec(
        said,
      ) ?? assert.fail(said)
    assert.ok(Number(size) > 30_000 && Number(size) < 31_000, String(size))
    assert.doesNotMatch(said, /secret|xxx/)

    await broker.setTopic('narrow', 'max.message.bytes', '100000')
    await until('the row arrives', withinMs, () =>
      feed.rows.find(
        ({ key, value }) => String(key) === '["secret"]' && value?.includes(`"mvcc_timestamp": "${mvcc}"`),
      ),
    )
    assert.deepEqual(feed.failures, [])
  },
)
