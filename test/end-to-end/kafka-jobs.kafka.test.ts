import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { KafkaFeed } from '../feed/kafka-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../services/kafka/require-kafka.ts'
import { TopicReader } from '../services/kafka/topic-reader.ts'
import { endTogether, startTogether } from '../support/services.ts'

const withinMs = 60_000
let server: TestServer
let broker: KafkaBroker

before(async () => {
  if (skip !== false) return
  ;[server, broker] = await startTogether(TestServer.start(), KafkaBroker.start({ security: true }))
})
after(async () => {
  await endTogether(server, broker)
})

const logText = (): string => readFileSync(join(server.storeDir, 'logs', 'changefeed.log'), 'utf8')
const encoded = (pem: string): string => encodeURIComponent(Buffer.from(pem).toString('base64'))

test('the Kafka walkthrough prints what the page says', { skip, timeout: 300_000 }, async () => {
  await broker.createTopic('office_dogs')
  await broker.createTopic('employees')
  for (const sql of [
    "SET CLUSTER SETTING cluster.organization = 'me'",
    "SET CLUSTER SETTING enterprise.license = 'none'",
    'SET CLUSTER SETTING kv.rangefeed.enabled = true',
    'CREATE DATABASE cdc_demo',
  ])
    await server.sql(sql)
  const client = await server.connect()
  const notices: string[] = []
  client.on('notice', ({ message }) => notices.push(message ?? ''))
  try {
    for (const sql of [
      'SET DATABASE = cdc_demo',
      'CREATE TABLE office_dogs (id INT PRIMARY KEY, name TEXT)',
      "INSERT INTO office_dogs VALUES (1, 'Petee'), (2, 'Carl')",
      "UPDATE office_dogs SET name = 'Petee H' WHERE id = 1",
      'CREATE TABLE employees (dog_id INT REFERENCES office_dogs (id), employee_name TEXT)',
      "INSERT INTO employees VALUES (1, 'Lauren'), (2, 'Spencer')",
    ])
      await client.query(sql)
    const created = await client.query(
      `CREATE CHANGEFEED FOR TABLE office_dogs, employees INTO 'kafka://localhost:${broker.port}'`,
    )
    assert.deepEqual(
      created.fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
      [['job_id', 20]],
    )
    const id = String((created.rows[0] as { job_id: string }).job_id)
    assert.ok(notices.includes('changefeed will emit to topics office_dogs,employees'))

    const first = broker.consoleConsumer('office_dogs|employees', 4)
    const { rows } = await client.query<{ rowid: string }>('SELECT rowid FROM employees ORDER BY dog_id')
    const of = (column: string): string[] => first.filter((line) => line.includes(`"${column}"`))
    assert.deepEqual(of('id'), ['{"after": {"id": 1, "name": "Petee H"}}', '{"after": {"id": 2, "name": "Carl"}}'])
    assert.deepEqual(of('dog_id'), [
      `{"after": {"dog_id": 1, "employee_name": "Lauren", "rowid": ${rows[0]?.rowid}}}`,
      `{"after": {"dog_id": 2, "employee_name": "Spencer", "rowid": ${rows[1]?.rowid}}}`,
    ])
    await client.query("INSERT INTO office_dogs VALUES (3, 'Ernie')")
    const keyed = broker.consoleConsumer('office_dogs', 3, '--formatter-property', 'print.key=true')
    assert.equal(keyed.at(-1), '[3]\t{"after": {"id": 3, "name": "Ernie"}}')

    // What the page does with the job then.
    await client.query(`PAUSE JOB ${id}`)
    const paused = await client.query(`SELECT status FROM [SHOW JOBS] WHERE job_id = ${id}`)
    assert.deepEqual(paused.rows, [{ status: 'paused' }])
    await client.query(`RESUME JOB ${id}`)
    await client.query("INSERT INTO office_dogs VALUES (4, 'Rex')")
    assert.equal(broker.consoleConsumer('office_dogs', 4).at(-1), '{"after": {"id": 4, "name": "Rex"}}')
    await client.query(`CANCEL JOB ${id}`)
    const ended = await client.query<{ status: string; high_water_timestamp: string }>(
      `SELECT * FROM crdb_internal.jobs WHERE job_id = ${id}`,
    )
    assert.equal(ended.rows[0]?.status, 'canceled')

    // A new changefeed from where that one ended misses nothing.
    await client.query("INSERT INTO office_dogs VALUES (5, 'Bella')")
    const cursor = ended.rows[0]?.high_water_timestamp ?? ''
    await client.query(
      `CREATE CHANGEFEED FOR TABLE office_dogs, employees INTO 'kafka://localhost:${broker.port}' WITH cursor = '${cursor}'`,
    )
    const all = broker.consoleConsumer('office_dogs', 5)
    assert.ok(all.includes('{"after": {"id": 5, "name": "Bella"}}'), all.join('\n'))
  } finally {
    await client.end()
  }
})

test(
  'rows of a key stay in order and in one partition, and each partition hears what is resolved',
  { skip },
  async () => {
    await broker.createTopic('spread', 4)
    await server.sql('CREATE TABLE spread (id INT PRIMARY KEY, n INT)')
    await server.sql('INSERT INTO spread SELECT i, 0 FROM generate_series(1, 200) i')
    await using feed = await KafkaFeed.open({
      server,
      broker,
      topics: ['spread'],
      statement: `CREATE CHANGEFEED FOR spread INTO 'kafka://${broker.bootstrap}' WITH updated, diff, resolved, min_checkpoint_frequency = '0s', kafka_sink_config = '{"RequiredAcks": "ALL", "Compression": "ZSTD"}'`,
    })
    await feed.row(200)
    for (let n = 1; n <= 10; n++) await server.sql(`UPDATE spread SET n = ${n}`)
    await feed.row(2200)
    await server.sql('DELETE FROM spread WHERE id = 1')
    await feed.row(2201)
    assert.ok(feed.texts.includes(feed.texts.at(-1) ?? ''))
    assert.deepEqual(
      new Set(feed.records.flatMap(({ key, partition }) => (key === null ? [] : [partition]))),
      new Set([0, 1, 2, 3]),
    )
    const isHeard = (partition: number): boolean =>
      feed.records.some((record) => record.key === null && record.partition === partition)
    await until('each partition has a resolved message', withinMs, () =>
      [0, 1, 2, 3].every(isHeard) ? true : undefined,
    )
    assert.deepEqual(feed.failures, [])
  },
)

test('PAUSE and RESUME repeat nothing and lose nothing', { skip }, async () => {
  await server.sql('CREATE TABLE rested (id INT PRIMARY KEY)')
  await using feed = await KafkaFeed.open({
    server,
    broker,
    topics: ['rested'],
    statement: `CREATE CHANGEFEED FOR rested INTO 'kafka://${broker.bootstrap}' WITH updated`,
  })
  for (let round = 0; round < 3; round++) {
    await server.sql(`INSERT INTO rested SELECT ${round} * 10 + i FROM generate_series(1, 5) i`)
    await feed.row(round * 10 + 5)
    await feed.job.pause()
    await server.sql(`INSERT INTO rested SELECT ${round} * 10 + i FROM generate_series(6, 10) i`)
    await feed.job.resume()
    await feed.row(round * 10 + 10)
  }
  await feed.drained()
  assert.equal(feed.rows.length, 30)
  assert.deepEqual(feed.failures, [])
})

test('TLS with SCRAM, TLS with a client certificate, and what is wrong is said at CREATE', { skip }, async () => {
  const { security } = broker
  assert.ok(security)
  await server.sql('CREATE TABLE secret (id INT PRIMARY KEY)')
  await server.sql('INSERT INTO secret VALUES (1)')
  const into = (port: number, parameters: string): string =>
    `CREATE CHANGEFEED FOR secret INTO 'kafka://localhost:${port}?tls_enabled=true&${parameters}'`
  const ca = `ca_cert=${encoded(security.ca)}`
  const sasl = (mechanism: string, password: string): string =>
    `${ca}&sasl_enabled=true&sasl_mechanism=${mechanism}&sasl_user=${security.user}&sasl_password=${password}`
  const certificate = `client_cert=${encoded(security.clientCert)}&client_key=${encoded(security.clientKey)}`
  const good = [
    into(broker.saslPort, sasl('SCRAM-SHA-256', security.password)),
    into(broker.saslPort, sasl('SCRAM-SHA-512', security.password)),
    into(broker.saslPort, sasl('PLAIN', security.password)),
    into(broker.sslPort, `${ca}&${certificate}`),
    into(broker.sslPort, `insecure_tls_skip_verify=true&${certificate}`),
  ]
  for (const [i, statement] of good.entries()) {
    await using feed = await KafkaFeed.open({
      server,
      broker,
      topics: [`s${i}_secret`],
      statement: statement.replace('?', `?topic_prefix=s${i}_&`),
    })
    await feed.row(1)
    const [job] = await server.sql(`SELECT description FROM crdb_internal.jobs WHERE job_id = ${feed.jobId}`)
    assert.doesNotMatch(String(job?.['description']), new RegExp(security.password))
  }
  const bad: readonly (readonly [string, RegExp])[] = [
    [into(broker.saslPort, sasl('SCRAM-SHA-256', 'wrong')), /[Aa]uthentication/],
    [into(broker.saslPort, `${sasl('PLAIN', security.password)}`.replace(ca, '')), /certificate/],
    [into(broker.port, ca), /unable to open connection to broker/],
    [`CREATE CHANGEFEED FOR secret INTO 'kafka://localhost:${broker.sslPort}'`, /unable to open connection to broker/],
    [into(broker.sslPort, ca), /unable to open connection to broker/],
    [`CREATE CHANGEFEED FOR secret INTO 'kafka://127.0.0.1:1'`, /connect ECONNREFUSED/],
  ]
  const jobs = async (): Promise<unknown> =>
    (await server.sql('SELECT count(*) AS n FROM crdb_internal.jobs'))[0]?.['n']
  const before = await jobs()
  for (const [statement, message] of bad) {
    await assert.rejects(server.sql(statement), (error: Error & { hint?: string }) => {
      assert.match(error.message, message)
      assert.match(error.hint ?? '', /./, error.message)
      assert.doesNotMatch(`${error.message}${error.hint}`, new RegExp(`wrong|${security.password}`))
      return true
    })
  }
  assert.equal(await jobs(), before)
  assert.doesNotMatch(
    logText(),
    new RegExp(`${security.password}|BEGIN |${encoded(security.clientKey).slice(100, 150)}`),
  )
})

test('a start that goes well is told in the log, as the page shows it', { skip }, async () => {
  await server.sql('CREATE TABLE told (id INT PRIMARY KEY)')
  const from = logText().length
  await using feed = await KafkaFeed.open({
    server,
    broker,
    topics: ['told'],
    statement: `CREATE CHANGEFEED FOR told INTO 'kafka://${broker.bootstrap}'`,
  })
  const port = String(broker.port)
  const lines = [
    'Initializing new client',
    `client/metadata fetching metadata for all topics from broker 127.0.0.1:${port}`,
    `Connected to broker at 127.0.0.1:${port} (unregistered)`,
    `client/brokers registered new broker #1 at 127.0.0.1:${port}`,
    'Successfully initialized new client',
  ]
  const told = (): string[] =>
    logText()
      .slice(from)
      .split('\n')
      .flatMap((line) => /"msg":"\[kafka-producer\] (.*)"\}$/.exec(line)?.[1] ?? [])
  await until('the last line', withinMs, () => (told().includes(lines.at(-1) ?? '') ? true : undefined))
  assert.deepEqual(told(), lines)
  assert.ok(feed)
})

test('a topic that is deleted under a job is made again, and the job goes on into it', { skip }, async () => {
  await broker.createTopic('doomed', 4)
  await server.sql('CREATE TABLE doomed (id INT PRIMARY KEY)')
  await using feed = await KafkaFeed.open({
    server,
    broker,
    topics: ['doomed'],
    // The topic that is made again has other partitions.
    isJudged: false,
    mayBeMadeAnew: true,
    statement: `CREATE CHANGEFEED FOR doomed INTO 'kafka://${broker.bootstrap}' WITH updated, resolved, min_checkpoint_frequency = '100ms', kafka_sink_config = '{"Retry": {"Max": "inf", "Backoff": "50ms"}}'`,
  })
  await server.sql('INSERT INTO doomed SELECT generate_series(1, 50)')
  await feed.row(50)
  await broker.deleteTopic('doomed')
  await server.sql('INSERT INTO doomed SELECT generate_series(51, 150)')
  // Another reader: the topic starts again at its first message.
  await using reader = KafkaFeed.of({ server, broker, topics: ['doomed'], jobId: feed.jobId, mayBeMadeAnew: true })
  await until('what came after the deletion', withinMs, () => {
    const seen = new Set(reader.rows.map(({ key }) => key))
    for (let id = 51; id <= 150; id++) if (!seen.has(`[${id}]`)) return undefined
    return true
  })
  assert.equal((await feed.status()).status, 'running')
})

test('a broker that goes away and comes back gets everything', { skip, timeout: 300_000 }, async () => {
  await server.sql('CREATE TABLE patient (id INT PRIMARY KEY)')
  await using feed = await KafkaFeed.open({
    server,
    broker,
    topics: ['patient'],
    statement: `CREATE CHANGEFEED FOR patient INTO 'kafka://${broker.bootstrap}' WITH updated, resolved, kafka_sink_config = '{"Retry": {"Max": 1, "Backoff": "100ms"}}'`,
  })
  await server.sql('INSERT INTO patient VALUES (1)')
  await feed.row(1)
  await broker.kill()
  await server.sql('INSERT INTO patient VALUES (2)')
  // Long before the next checkpoint, which comes every 30 s.
  const { status } = await until('the job says why it waits', 10_000, async () => {
    const row = await feed.status()
    return row.running_status?.startsWith('transient error: ') === true ? row : undefined
  })
  assert.equal(status, 'running')
  await broker.restart()
  await server.sql('INSERT INTO patient VALUES (3)')
  await until('all rows', withinMs, () =>
    [1, 2, 3].every((id) => feed.texts.some((text) => text.startsWith(`patient: [${id}]`))) ? true : undefined,
  )
  assert.deepEqual(feed.failures, [])
  const metrics = await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text()
  assert.ok(Number(/^changefeed_error_retries (\d+)$/m.exec(metrics)?.[1]) > 0)
})

test('a scan that is killed halfway goes on where it was', { skip, timeout: 400_000 }, async () => {
  const rows = 1_200_000
  await server.sql('CREATE TABLE large (id INT PRIMARY KEY, v INT, t TEXT)')
  await server.sql(`INSERT INTO large SELECT i, 0, repeat('t', 20) FROM generate_series(1, ${rows}) i`)
  const seen = new Uint8Array(rows + 1)
  let count = 0
  await using reader = new TopicReader(broker.bootstrap, ['large'], ({ key, value }) => {
    if (key === null) return
    count += 1
    const id = Number(key.toString().slice(1, -1))
    // What the last message says of each row: 1 as scanned, 2 as updated, 3 deleted.
    const text = value?.toString() ?? ''
    seen[id] = text.includes('"after": null') ? 3 : text.includes('"v": 1') ? 2 : 1
  })
  assert.ok(reader)
  const [created] = await server.sql(
    `CREATE CHANGEFEED FOR large INTO 'kafka://${broker.bootstrap}' WITH updated, resolved`,
  )
  const id = String(created?.['job_id'])
  const fraction = async (): Promise<number | null> =>
    (await server.sql(`SELECT fraction_completed FROM crdb_internal.jobs WHERE job_id = ${id}`))[0]?.[
      'fraction_completed'
    ] as number | null
  const before = await until('a part of the scan is saved', withinMs, async () => {
    const part = await fraction()
    return part !== null && part > 0.1 ? part : undefined
  })
  await server.kill()
  assert.ok(before < 1, 'the scan was over before it could be killed')
  await server.restart()
  // Changes between the two halves: of rows that were scanned, and of rows that were not.
  await server.sql(`UPDATE large SET v = 1 WHERE id % 100000 = 0; DELETE FROM large WHERE id % 100000 = 1`)
  await until('the scan is over', withinMs, async () =>
    (await server.sql(`SELECT high_water_timestamp AS h FROM crdb_internal.jobs WHERE job_id = ${id}`))[0]?.['h'] !=
    null
      ? true
      : undefined,
  )
  const expected = (row: number): number => (row % 100_000 === 0 ? 2 : row % 100_000 === 1 ? 3 : 1)
  // A deleted row that was never scanned may be missing altogether.
  const isRight = (row: number): boolean => seen[row] === expected(row) || (expected(row) === 3 && seen[row] === 0)
  await until('all rows have come', withinMs, () => {
    for (let row = 1; row <= rows; row++) if (!isRight(row)) return undefined
    return true
  })
  assert.ok(count < rows * (2 - before) + 200_000, `${count} messages for ${rows} rows, killed at ${before}`)
  await server.sql(`CANCEL JOB ${id}`)
})
