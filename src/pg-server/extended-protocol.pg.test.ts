// Parse, Bind, Describe and Execute through the front: names, parameters, portals, errors and transactions.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { until } from '../../test/support/until.ts'
import { RawClient, bind, close, describe, execute, flush, parse, query, sync } from '../../test/support/raw-client.ts'
import { TestFront } from '../../test/support/test-front.ts'
import { readFields } from '../postgres/server-error.ts'
import { pipeline, states } from '../../test/support/pipeline.ts'

let testFront: TestFront
before(async () => {
  testFront = await TestFront.start()
})
after(async () => testFront[Symbol.asyncDispose]())

test('node-postgres: parameters, named statements, many times, errors between', async () => {
  const client = await testFront.connect()
  for (let i = 1; i <= 3; i++) {
    const named = await client.query({ name: 'ticks', text: 'TICK $1', values: [i] })
    assert.deepEqual([named.rowCount, named.command, named.rows.length, named.rows[0].tick], [i, 'TICK', i, '1'])
    assert.deepEqual((await client.query({ name: 'plain', text: 'SELECT $1::int AS i', values: [i] })).rows, [{ i }])
    await assert.rejects(client.query({ text: 'FAIL', queryMode: 'extended' } as pg.QueryConfig), {
      code: '22023',
      hint: 'do not',
    })
    await assert.rejects(client.query({ text: 'SELECT 1/$1::int', values: [0] }), { code: '22012' })
    const echoed = await client.query('ECHO', ["it's", 5, null])
    assert.deepEqual(echoed.rows, [{ a: "it's", b: '5', c: null }])
  }
  await client.end()
})

test('node-postgres: the rows of a statement without end come as they are sent', async () => {
  const client = await testFront.connect()
  const rows: string[] = []
  const ticks = new pg.Query({ text: 'TICK FOREVER', queryMode: 'extended' } as pg.QueryConfig)
  ticks.on('row', (row: { tick: string }) => rows.push(row.tick))
  const ended = new Promise<Error>((resolve) => ticks.on('error', resolve))
  client.query(ticks)
  await until('rows', 5000, () => rows.length > 1000 || undefined)
  for (const { id } of testFront.running.all) testFront.running.cancel(id)
  assert.match((await ended).message, /query execution canceled/)
  assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }])
  await client.end()
})

test('a statement is described before it is bound, and a portal with the formats it was bound with', async () => {
  await using client = await RawClient.open(testFront.port)
  const tags = await pipeline(client, [
    parse('s', 'TICK $1'),
    describe('S', 's'),
    bind('p', 's', { values: ['1'], resultFormats: [1, 0] }),
    describe('P', 'p'),
    parse('n', 'SAY hello'),
    describe('S', 'n'),
    sync,
  ])
  assert.equal(tags, '1tT2T1tnZ')
  const [parameters, ofStatement, ofPortal] = client.messages.filter(({ tag }) => 'tT'.includes(tag))
  assert.deepEqual([...(parameters?.bytes.subarray(5) ?? [])], [0, 1, 0, 0, 0, 20])
  assert.equal(ofStatement?.bytes.at(5 + 2 + 'tick'.length + 1 + 17), 0)
  assert.equal(ofPortal?.bytes.at(5 + 2 + 'tick'.length + 1 + 17), 1)
})

test('binary parameters are read by the type that the client declared, or else ours', async () => {
  await using client = await RawClient.open(testFront.port)
  const seven = Buffer.from([0, 0, 0, 7])
  const tags = await pipeline(client, [
    parse('', 'ECHO'),
    bind('', '', { formats: [0, 1, 1], values: ['x', seven, Buffer.from([1])] }),
    execute(''),
    parse('', 'ECHO', [0, 21]),
    bind('', '', { formats: [1], values: ['y', Buffer.from([0, 8]), Buffer.from([0])] }),
    execute(''),
    sync,
  ])
  assert.equal(tags, '12DC12DCZ')
  assert.deepEqual(client.rows, [
    ['x', '7', 'true'],
    ['y', '8', 'false'],
  ])
  assert.equal(
    await pipeline(client, [
      parse('', 'ECHO'),
      bind('', '', { formats: [1], values: ['x', 'abc', 'd'] }),
      execute(''),
      sync,
    ]),
    '1EZ',
  )
  assert.deepEqual(states(client), ['22P03'])
  assert.equal(await pipeline(client, [parse('', 'ECHO'), bind('', '', { values: ['x'] }), execute(''), sync]), '1EZ')
  assert.deepEqual(states(client), ['08P01'])
})

test('a portal with a row limit is suspended and continued, inside a transaction also after Sync', async () => {
  await using client = await RawClient.open(testFront.port)
  const opened = [
    parse('', 'TICK 5'),
    bind('c', ''),
    execute('c', 2),
    execute('c', 2),
    execute('c', 2),
    execute('c', 2),
  ]
  assert.equal(await pipeline(client, [...opened, close('P', 'c'), sync]), '12DDsDDsDCC3Z')
  assert.deepEqual(
    client.rows.map(([tick]) => tick),
    ['1', '2', '3', '4', '5'],
  )
  await pipeline(client, [query('BEGIN')])
  assert.equal(await pipeline(client, [parse('', 'TICK FOREVER'), bind('c', ''), execute('c', 3), sync]), '12DDDsZ')
  assert.equal(await pipeline(client, [query('SELECT 1'), execute('c', 1), sync], 2), 'TDCZDsZ')
  assert.equal(testFront.running.all.length, 1)
  assert.equal(await pipeline(client, [query('COMMIT'), execute('c', 1), sync], 2), 'CZEZ')
  assert.deepEqual(states(client), ['34000'])
  await until('it has ended', 5000, () => testFront.running.all.length === 0 || undefined)
})

test('outside of a transaction a portal ends with Sync, and what feeds it', async () => {
  await using client = await RawClient.open(testFront.port)
  const ticks = testFront.ticks
  assert.equal(
    await pipeline(client, [parse('', 'TICK FOREVER'), bind('c', ''), execute('c', 150), sync]),
    `12${'D'.repeat(150)}sZ`,
  )
  assert.ok(testFront.ticks <= Math.max(ticks, 200))
  assert.equal(await pipeline(client, [execute('c', 1), sync]), 'EZ')
  assert.deepEqual(states(client), ['34000'])
  await until('it has ended', 5000, () => testFront.running.all.length === 0 || undefined)
})

test('a cursor that flushes instead of syncing keeps its portal; closing it stops the statement', async () => {
  await using client = await RawClient.open(testFront.port)
  client.send(parse('', 'TICK FOREVER'), bind('', ''), describe('P', ''), flush)
  await client.until('T')
  for (let i = 1; i <= 3; i++) {
    client.send(execute('', 10), flush)
    await client.until('s', i)
  }
  assert.equal(client.rows.length, 30)
  client.send(close('P', ''), sync)
  await client.ready()
  await until('it has ended', 5000, () => testFront.running.all.length === 0 || undefined)
})

test('pipelines mix what is ours with what is not, and answers keep the order', async () => {
  await using client = await RawClient.open(testFront.port)
  const one = [parse('', 'SELECT pg_sleep(0.02)'), bind('', ''), execute('')]
  const ours = [parse('', 'TICK 2'), bind('', ''), execute('')]
  assert.equal(await pipeline(client, [...one, ...ours, ...one, ...ours, sync]), '12DC12DDC12DC12DDCZ')
  const parts = [
    [...one, sync],
    [...ours, sync],
    [query('TICK 1')],
    [...one, ...ours, sync],
    [query('SELECT 1')],
    [...ours, flush, ...one, sync],
  ]
  assert.equal(await pipeline(client, parts.flat(), 6), '12DCZ12DDCZTDCZ12DC12DDCZTDCZ12DDC12DCZ')
})

test('after an error everything up to Sync is ignored, whether PostgreSQL or we failed', async () => {
  await using client = await RawClient.open(testFront.port)
  const one = [parse('', 'SELECT 1'), bind('', ''), execute('')]
  const ours = [parse('', 'TICK 1'), bind('', ''), execute('')]
  const theirs = [parse('', 'SELECT 1/(i-1) FROM generate_series(1, 2) AS i'), bind('', ''), execute('')]
  const failing = [parse('', 'FAIL'), bind('', ''), execute('')]
  assert.equal(
    await pipeline(
      client,
      [...one, ...failing, ...one, ...ours, query('SELECT 1'), query('TICK 1'), sync, ...ours, sync],
      2,
    ),
    '12DC12EZ12DCZ',
  )
  assert.equal(
    await pipeline(
      client,
      [...ours, ...theirs, ...ours, ...one, query('SELECT 1'), query('TICK 1'), sync, ...ours, sync],
      2,
    ),
    '12DC12EZ12DCZ',
  )
  assert.equal(await pipeline(client, [parse('', 'MALFORMED'), ...ours, sync]), 'EZ')
  assert.equal(await pipeline(client, [parse('', 'TICK 1; TICK 2'), ...ours, sync]), 'EZ')
  assert.deepEqual(states(client), ['42601'])
})

test('in a transaction begun in the same pipeline an error of ours fails it', async () => {
  await using client = await RawClient.open(testFront.port)
  const run = (sql: string): Buffer[] => [parse('', sql), bind('', ''), execute('')]
  assert.equal(await pipeline(client, [...run('BEGIN'), ...run('TICK 1'), ...run('FAIL'), sync]), '12C12DC12EZ')
  assert.equal(await client.ready(), 'E')
  for (const messages of [run('TICK 1'), [parse('', 'REWRITTEN SELECT 1')], run('SELECT 1')]) {
    await pipeline(client, [...messages, sync])
    assert.deepEqual(states(client), ['25P02'])
  }
  await pipeline(client, [...run('ROLLBACK'), sync])
  assert.equal(await client.ready(), 'I')
  assert.equal(
    await pipeline(
      client,
      [parse('t', 'TICK 1'), query('BEGIN'), query('SELECT 1/0'), bind('', 't'), execute(''), sync],
      3,
    ),
    '1CZEZEZ',
  )
  await pipeline(client, [query('ROLLBACK')])
})

test('a name belongs to whoever prepared it last', async () => {
  await using client = await RawClient.open(testFront.port)
  const run = (name: string): Buffer[] => [bind('', name), execute('')]
  assert.equal(
    await pipeline(client, [parse('s', 'SELECT 1'), ...run('s'), parse('s', 'TICK 3'), ...run('s'), sync]),
    '12DC12DDDCZ',
  )
  assert.equal(await pipeline(client, [...run('s'), parse('s', 'SELECT 1'), ...run('s'), sync]), '2DDDC12DCZ')
  assert.equal(await pipeline(client, [parse('s', 'TICK 1'), close('S', 's'), ...run('s'), sync]), '13EZ')
  assert.deepEqual(states(client), ['26000'])
  assert.equal(await pipeline(client, [parse('', 'TICK 1'), query('SELECT 1'), ...run(''), sync], 2), '1TDCZEZ')
  assert.deepEqual(states(client), ['26000'])
})

test('the database changes in the extended protocol, too', async () => {
  const client = await testFront.connect()
  await client.query({ name: 'use', text: 'USE postgres', values: [] })
  assert.deepEqual((await client.query('SELECT current_database() AS db')).rows, [{ db: 'postgres' }])
  await client.query({ name: 'use', text: 'USE postgres', values: [] })
  await client.end()
})

test('what a driver has prepared is prepared in the next database, too', async () => {
  const client = await testFront.connect()
  await client.query('CREATE TABLE here (i int)')
  const named = (name: string, text: string, values: unknown[]) => client.query({ name, text, values })
  const where = (i: number) => named('where', 'SELECT current_database() AS db, $1::int + $2 AS sum', [i, 1])
  assert.deepEqual((await where(1)).rows, [{ db: 'defaultdb', sum: 2 }])
  await named('none', "SELECT 'it''s' AS text", [])
  await named('here', 'SELECT * FROM here', [])
  await named('ours', 'TICK $1', [1])
  await client.query('USE postgres')
  assert.deepEqual((await where(2)).rows, [{ db: 'postgres', sum: 3 }])
  assert.deepEqual((await named('none', "SELECT 'it''s' AS text", [])).rows, [{ text: "it's" }])
  assert.equal((await named('ours', 'TICK $1', [2])).rowCount, 2)
  await assert.rejects(named('here', 'SELECT * FROM here', []), { code: '26000' })
  await client.query('USE defaultdb')
  assert.deepEqual((await where(3)).rows, [{ db: 'defaultdb', sum: 4 }])
  await client.end()
})

test('what is put in other words is prepared in those words', async () => {
  const client = await testFront.connect()
  assert.deepEqual((await client.query('REWRITTEN SELECT $1::int AS i', [4])).rows, [{ i: 4 }])
  assert.deepEqual((await client.query('ALIAS SELECT $1::int AS i', [5])).rows, [{ i: 5 }])
  await assert.rejects(client.query('REWRITTEN SELEC $1', [4]), { code: '42601' })
  await client.end()
})

test('a notice of a statement comes before its end', async () => {
  await using client = await RawClient.open(testFront.port)
  assert.equal(await pipeline(client, [parse('', 'SAY hello'), bind('', ''), execute(''), sync]), '12NCZ')
  const notice = client.messages.find(({ tag }) => tag === 'N')
  const fields = readFields(notice?.bytes ?? Buffer.alloc(0), 5, notice?.bytes.length ?? 0)
  assert.deepEqual(
    [fields.get('S'), fields.get('C'), fields.get('M'), fields.get('H')],
    ['WARNING', '01000', 'hello', 'hint'],
  )
})
