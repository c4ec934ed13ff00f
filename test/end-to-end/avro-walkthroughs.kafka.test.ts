// The two walkthroughs with Avro, as CockroachDB's page prints them. Ids are counted from 1, so each has a registry of its own.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Program, program } from '../server/program.ts'
import { TestServer } from '../server/test-server.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { avroReaders } from '../services/registry/readers/readers.ts'
import { RegistryFront } from '../services/registry/registry-front.ts'
import { skipWithoutRegistry as skip } from '../services/registry/require-registry.ts'
import { SchemaRegistryServer } from '../services/registry/schema-registry.ts'
import { endTogether, startTogether } from '../support/services.ts'

const kafkaScript = fileURLToPath(new URL('../../scripts/kafka.ts', import.meta.url))

let server: TestServer

before(async () => {
  if (skip === false) server = await TestServer.start()
})
after(() => endTogether(server))

test('the core walkthrough with Avro prints the bytes of the page', { skip, timeout: 300_000 }, async () => {
  await using registry = await SchemaRegistryServer.start()
  await using front = await RegistryFront.start({ to: registry.url })
  const url = `postgresql://root@127.0.0.1:${server.sqlPort}?sslmode=disable`
  await using shell = new Program(['sql', `--url=${url}`, '--format=csv'])
  shell.stdin.write('SET CLUSTER SETTING kv.rangefeed.enabled = true;\n')
  shell.stdin.write('CREATE TABLE bar (a INT PRIMARY KEY);\n')
  shell.stdin.write('INSERT INTO bar VALUES (0);\n')
  shell.stdin.write(
    `EXPERIMENTAL CHANGEFEED FOR bar WITH format = experimental_avro, confluent_schema_registry = '${front.url}';\n`,
  )
  assert.deepEqual((await shell.lines(5)).slice(3), [
    'table,key,value',
    String.raw`bar,\000\000\000\000\001\002\000,\000\000\000\000\002\002\002\000`,
  ])

  // In a new terminal.
  const inserted = await program(['sql', `--url=${url}`, '-e', 'INSERT INTO bar VALUES (1)'])
  assert.deepEqual(inserted, { code: 0, stdout: 'INSERT 1\n', stderr: '' })
  assert.equal((await shell.lines(6))[5], String.raw`bar,\000\000\000\000\001\002\002,\000\000\000\000\002\002\002\002`)

  await using resolved = new Program([
    'sql',
    `--url=${url}`,
    '--format=csv',
    '-e',
    `EXPERIMENTAL CHANGEFEED FOR bar WITH format = experimental_avro, confluent_schema_registry = '${front.url}', resolved`,
  ])
  const lines = await resolved.lines(4)
  assert.match(lines[3] ?? '', /^NULL,NULL,\\000\\000\\000\\000\\003\\002<\d{19}\.0{10}$/)
  assert.deepEqual(
    (await registry.versions('bar-value')).map(({ id, schema }) => [id, schema]),
    [
      [
        2,
        '{"type":"record","name":"bar_envelope","fields":[{"type":["null",{"type":"record","name":"bar","fields":[{"type":["null","long"],"name":"a","default":null,"__crdb__":"a INT8 NOT NULL","doc":"a bigint NOT NULL"}]}],"name":"after","default":null}]}',
      ],
      [
        3,
        '{"type":"record","name":"bar_envelope","fields":[{"type":["null","string"],"name":"resolved","default":null}]}',
      ],
    ],
  )
})

test('the Kafka walkthrough with Avro prints what the page says', { skip, timeout: 500_000 }, async (t) => {
  const [broker, registry] = await startTogether(KafkaBroker.start(), SchemaRegistryServer.start())
  await using _services = { [Symbol.asyncDispose]: () => endTogether(broker, registry) }
  await using front = await RegistryFront.start({ to: registry.url })
  await broker.createTopic('office_dogs')
  await broker.createTopic('employees')
  for (const sql of [
    "SET CLUSTER SETTING cluster.organization = '<organization name>'",
    "SET CLUSTER SETTING enterprise.license = '<secret>'",
    'SET CLUSTER SETTING kv.rangefeed.enabled = true',
    'CREATE DATABASE cdc_demo',
  ])
    await server.sql(sql)
  const client = await server.connect()
  await using _client = { [Symbol.asyncDispose]: () => client.end() }
  for (const sql of [
    'SET DATABASE = cdc_demo',
    'CREATE TABLE office_dogs (id INT PRIMARY KEY, name STRING)',
    "INSERT INTO office_dogs VALUES (1, 'Petee'), (2, 'Carl')",
    "UPDATE office_dogs SET name = 'Petee H' WHERE id = 1",
    'CREATE TABLE employees (dog_id INT REFERENCES office_dogs (id), employee_name STRING)',
    "INSERT INTO employees VALUES (1, 'Lauren'), (2, 'Spencer')",
  ])
    await client.query(sql)
  const created = await client.query<{ job_id: string }>(
    `CREATE CHANGEFEED FOR TABLE office_dogs, employees INTO 'kafka://localhost:${broker.port}' WITH format = experimental_avro, confluent_schema_registry = '${front.url}'`,
  )
  const id = created.rows[0]?.job_id
  const { rows } = await client.query<{ rowid: string }>('SELECT rowid FROM employees ORDER BY dog_id')
  const [lauren, spencer] = rows.map(({ rowid }) => rowid)
  const values = [
    '{"after":{"office_dogs":{"id":{"long":1},"name":{"string":"Petee H"}}}}',
    '{"after":{"office_dogs":{"id":{"long":2},"name":{"string":"Carl"}}}}',
    `{"after":{"employees":{"dog_id":{"long":1},"employee_name":{"string":"Lauren"},"rowid":{"long":${lauren}}}}}`,
    `{"after":{"employees":{"dog_id":{"long":2},"employee_name":{"string":"Spencer"},"rowid":{"long":${spencer}}}}}`,
  ]
  const keys = [
    '{"id":{"long":1}}',
    '{"id":{"long":2}}',
    `{"rowid":{"long":${lauren}}}`,
    `{"rowid":{"long":${spencer}}}`,
  ]

  const request = { broker: broker.bootstrap, registry: front.url, topics: ['office_dogs', 'employees'] }
  const readers = avroReaders((text) => t.diagnostic(text))
  for (const { name, consume } of readers) {
    const read = await consume({ ...request, count: 4 })
    assert.deepEqual(read.map(({ value }) => value).sort(), [...values].sort(), name)
    assert.deepEqual(read.map(({ key }) => key).sort(), [...keys].sort(), name)
  }
  await client.query("INSERT INTO office_dogs VALUES (3, 'Ernie')")
  const ernie = '{"after":{"office_dogs":{"id":{"long":3},"name":{"string":"Ernie"}}}}'
  for (const { name, consume } of readers) {
    const read = await consume({ ...request, topics: ['office_dogs'], count: 3 })
    assert.deepEqual(
      read.map(({ value }) => value),
      [...values.slice(0, 2), ernie],
      name,
    )
  }
  await client.query('DELETE FROM employees WHERE dog_id = 2')
  const last = (await readers[0]?.consume({ ...request, topics: ['employees'], count: 3 }))?.at(-1)
  assert.deepEqual(last, { key: keys[3], value: '{"after":null}' })

  // The consumer of this project, which runs until it is ended.
  const args = ['consume', 'office_dogs', `--port=${broker.port}`, `--registry=${front.url}`]
  await using consumer = new Program(args, { script: kafkaScript })
  assert.deepEqual(await consumer.lines(3), [
    `${keys[0]}\t${values[0]}`,
    `${keys[1]}\t${values[1]}`,
    `{"id":{"long":3}}\t${ernie}`,
  ])
  await client.query(`CANCEL JOB ${id}`)
})
