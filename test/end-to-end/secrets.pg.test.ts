// Where a secret that somebody types may and may not be read afterwards.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

const secret = 'Hidden77'

async function as(user: string, sql: string): Promise<string> {
  const client = await server.connect('defaultdb', user)
  try {
    const results = [await client.query({ text: sql, rowMode: 'array' })].flat() as pg.QueryArrayResult[]
    return JSON.stringify(results.map(({ rows }) => rows))
  } finally {
    await client.end()
  }
}

test('a setting that is a secret is shown to admins alone', async () => {
  await server.sql('CREATE USER ann; CREATE USER boss IN ROLE admin; GRANT ann TO root')
  for (const name of ['cloudstorage.gs.default.key', 'enterprise.license']) {
    await server.sql(`SET CLUSTER SETTING ${name} = '${secret}'`)
    const one = `SHOW CLUSTER SETTING ${name}`
    const list = `SELECT value FROM [SHOW ALL CLUSTER SETTINGS] WHERE variable = '${name}'`
    for (const sql of [one, list, `SELECT * FROM [${one}]`]) {
      assert.equal(await as('ann', sql), '[[["<redacted>"]]]', sql)
      assert.equal(await as('root', sql), `[[["${secret}"]]]`, sql)
      assert.equal(await as('boss', sql), `[[["${secret}"]]]`, sql)
      assert.equal((await as('root', `SET ROLE ann; ${sql}`)).includes(secret), false, sql)
    }
    assert.equal((await as('ann', `EXPLAIN VERBOSE ${list}`)).includes(secret), false)
    await server.sql(`RESET CLUSTER SETTING ${name}`)
    assert.equal(await as('ann', one), '[[[""]]]')
  }
})

test('a password of a sink does not come into the log of PostgreSQL, however the statement fails', async () => {
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)')
  const into = `INTO 'kafka://127.0.0.1:1?sasl_enabled=true&sasl_user=u&sasl_password=${secret}'`
  for (const [sql, code, hint] of [
    [`CREATE CHANGFEED FOR t ${into}`, '42601', /did you mean CHANGEFEED/],
    [`CREATE CHANGEFEED FOR t IN ${into}`, '42601', undefined],
    [`CREATE OR REPLACE CHANGEFEED FOR t ${into}`, '0A000', /CANCEL JOB id, then CREATE CHANGEFEED/],
    [`CREATE SCHEDULE s FOR CHANGEFEED t ${into} RECURRING '@daily'`, '0A000', /initial_scan = 'only'/],
    [`CRATE CHANGEFEED FOR t ${into}`, '42601', undefined],
    [`SELECT nothing FROM nowhere -- ${into}`, '42P01', undefined],
  ] as const) {
    await assert.rejects(server.sql(sql), (error: pg.DatabaseError) => {
      assert.equal(error.code, code, sql)
      if (hint !== undefined) assert.match(error.hint ?? '', hint)
      return true
    })
  }
  const folder = join(server.storeDir, 'postgres', 'log')
  // PostgreSQL's collector writes later than the client hears of the error.
  const logged = await until('the last statement is in the log of PostgreSQL', 10_000, () => {
    const text = readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('')
    return text.includes('relation "nowhere" does not exist') ? text : undefined
  })
  assert.equal(logged.includes(secret), false)
})

test('the secret of a hosted Kafka is in no error, log, metric or list of jobs, and not in a list of processes', async () => {
  await server.sql('CREATE TABLE hosted (id INT PRIMARY KEY)')
  const texts: string[] = []
  for (const uri of [
    `confluent-cloud://127.0.0.1:1?api_key=key&api_secret=${secret}`,
    `azure-event-hub://127.0.0.1:1?shared_access_key_name=policy&shared_access_key=${secret}`,
    `kafka://127.0.0.1:1?shared_access_key_name=policy&shared_access_key=${secret}`,
    `kafka://127.0.0.1:1?shared_access_key=${secret}`,
    `azure-event-hub://127.0.0.1:1?shared_access_key_name=policy&shared_access_key=${secret}&sasl_user=other`,
  ]) {
    const error = await server.sql(`CREATE CHANGEFEED FOR hosted INTO '${uri}'`).then(
      () => assert.fail('nobody listens there'),
      ({ message, hint, detail }: pg.DatabaseError) => `${message} ${hint} ${detail}`,
    )
    texts.push(error)
    // EXPLAIN shows the URI, too.
    texts.push(JSON.stringify(await server.sql(`EXPLAIN CHANGEFEED FOR hosted INTO '${uri}'`).catch(String)))
  }
  for (const folder of [join(server.storeDir, 'logs'), join(server.storeDir, 'postgres', 'log')])
    for (const name of readdirSync(folder)) texts.push(readFileSync(join(folder, name), 'utf8'))
  texts.push(server.output, JSON.stringify(await server.sql('SHOW JOBS')))
  texts.push(await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text())
  texts.push(spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).stdout)
  for (const text of texts) assert.equal(text.includes(secret), false, text.slice(0, 500))
})

test('the log says that the server has started, and which changefeed was refused and why, without what was typed', async () => {
  await server.sql('CREATE TABLE IF NOT EXISTS t (id INT PRIMARY KEY)')
  const logged = (): readonly Readonly<Record<string, unknown>>[] =>
    readdirSync(join(server.storeDir, 'logs'))
      .flatMap((name) => readFileSync(join(server.storeDir, 'logs', name), 'utf8').split('\n'))
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  const start = logged().find(({ event }) => event === 'start_server')
  assert.match(String(start?.['version']), /^\d+\.\d+/)
  assert.deepEqual(
    [start?.['sql'], start?.['http'], start?.['store'], start?.['level']],
    [`localhost:${server.sqlPort}`, `localhost:${server.httpPort}`, server.storeDir, 30],
  )
  const before = logged().length
  const refused = [
    [`CREATE CHANGEFEED FOR nowhere INTO 'null://'`, 'FEED_NO_TABLE'],
    [`CREATE CHANGEFEED FOR t INTO 'null://' WITH format = '${secret}'`, undefined],
    [`CREATE CHANGEFEED FOR t INTO 'null://' WITH resolved = '${secret}'`, undefined],
    [`CREATE CHANGEFEED FOR t INTO '${secret}'`, undefined],
    [`CREATE CHANGEFEED FOR t INTO 'kafka://u:${secret}@127.0.0.1:1'`, undefined],
    [`CREATE CHANGEFEED FOR t INTO 'kafka://127.0.0.1:1?sasl_enabled=${secret}'`, undefined],
    [`CREATE CHANGEFEED FOR t INTO 'kafka://127.0.0.1:1?sasl_pasword=${secret}'`, undefined],
    [`CREATE CHANGEFEED FOR t INTO 'kafka://127.0.0.1:1?${secret}=1'`, undefined],
    [`CREATE CHANGEFEED FOR t INTO 'webhook-https://127.0.0.1:1/?ca_cert=${secret}'`, undefined],
    [`CREATE CHANGEFEED FOR t INTO 's3://b/p?AWS_ACCESS_KEY_ID=x&AWS_SECRET_ACCES_KEY=${secret}'`, undefined],
    [`EXPERIMENTAL CHANGEFEED FOR t WITH cursor = '${secret}'`, undefined],
    [`CREATE CHANGEFEED FOR t INTO 'null://' WITH format = hunter2unquoted`, undefined],
    [`CREATE CHANGEFEED FOR t INTO 'null://' hunter2unquoted`, 'FEED_SYNTAX'],
    [`CREATE CHANGEFEED FOR t INTO 'null://' '${secret}'`, 'FEED_SYNTAX'],
    [`CREATE CHANGEFEED FOR t INTO 'null://?x=${secret}`, undefined],
    [`CREATE CHANGEFEED FOR t WITH updated '${secret}' `, 'FEED_SYNTAX'],
    [`EXPERIMENTAL CHANGEFEED t, hunter2unquoted`, 'FEED_SYNTAX'],
  ] as const
  for (const [sql] of refused) await assert.rejects(server.sql(sql))
  const prepared = `CREATE CHANGEFEED FOR t INTO $1 hunter2unquoted`
  const client = await server.connect()
  await assert.rejects(client.query(prepared, [`null://${secret}`]))
  await client.end()
  const lines = await until('each has its line', 10_000, () => {
    const found = logged()
      .slice(before)
      .filter(({ event }) => event === 'refused_changefeed')
    return found.length > refused.length ? found : undefined
  })
  const all = [...refused, [prepared, 'FEED_SYNTAX'] as const]
  assert.equal(lines.length, all.length)
  for (const [i, line] of lines.entries()) {
    const [sql, code] = all[i] as (typeof all)[number]
    if (code === 'FEED_SYNTAX') assert.equal(typeof line['position'], 'number', sql)
    assert.match(String(line['code']), /^FEED_/, sql)
    if (code !== undefined) assert.equal(line['code'], code, sql)
    assert.deepEqual([line['user'], line['database'], line['level']], ['root', 'defaultdb', 30], sql)
    assert.ok(!JSON.stringify(line).includes(secret), `${sql}: ${JSON.stringify(line)}`)
    assert.ok(!JSON.stringify(line).includes('hunter2unquoted'), JSON.stringify(line))
  }
})
