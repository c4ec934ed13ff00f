import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '../../test/support/until.ts'
import { RawClient, message, query } from '../../test/support/raw-client.ts'
import { TestFront } from '../../test/support/test-front.ts'

let testFront: TestFront
before(async () => {
  testFront = await TestFront.start()
})
after(async () => testFront[Symbol.asyncDispose]())

/** Tags of the whole answer. */
async function ask(client: RawClient, sql: string): Promise<string> {
  client.messages.length = 0
  client.send(query(sql))
  await client.ready()
  return client.tags
}

test('pieces are answered in order, with one CommandComplete each and ReadyForQuery once', async () => {
  await using client = await RawClient.open(testFront.port)
  assert.equal(await ask(client, 'SELECT 1; TICK 3; SAY hello; SELECT 2; SELECT 3'), 'TDCTDDDCNCTDCTDCZ')
  assert.equal(await ask(client, 'TICK 0'), 'TCZ')
  assert.equal(await ask(client, ' ;; '), 'IZ')
  assert.equal(await ask(client, 'ALIAS SELECT 1; ALIAS SELECT 2'), 'TDCTDCZ')
})

test('the first piece that fails is the last', async () => {
  await using client = await RawClient.open(testFront.port)
  assert.equal(await ask(client, 'SELECT 1; FAIL; SELECT 2'), 'TDCEZ')
  assert.equal(await ask(client, 'TICK 1; SELECT 1/(i-1) FROM generate_series(1, 2) AS i; TICK 1'), 'TDCTEZ')
  assert.equal(await ask(client, 'MALFORMED; TICK 1'), 'EZ')
  assert.equal(await ask(client, 'ASK SELECT 1/0; TICK 1'), 'EZ')
  assert.equal(client.errors[0]?.get('C'), '22012')
})

test('an error carries what it has: severity, state, message, hint, detail, position', async () => {
  await using client = await RawClient.open(testFront.port)
  await ask(client, 'FAIL')
  assert.deepEqual(Object.fromEntries(client.errors[0] ?? []), {
    S: 'ERROR',
    V: 'ERROR',
    C: '22023',
    M: 'it failed',
    D: 'as asked',
    H: 'do not',
    P: '3',
  })
  await ask(client, 'MALFORMED')
  assert.deepEqual(Object.fromEntries(client.errors[0] ?? []), {
    S: 'ERROR',
    V: 'ERROR',
    C: '42601',
    M: 'malformed',
    H: 'form it well',
    P: '11',
  })
})

test("a position in PostgreSQL's part of a query string counts from the start of the string", async () => {
  await using client = await RawClient.open(testFront.port)
  const sql = "TICK 1; SELECT '𝄞' FROM missing"
  await ask(client, sql)
  assert.equal(client.errors[0]?.get('P'), String(Array.from(sql.slice(0, sql.indexOf('missing'))).length + 1))
})

test('messages sent together are answered in order, though some are ours', async () => {
  await using client = await RawClient.open(testFront.port)
  client.send(
    query('SELECT pg_sleep(0.1)'),
    query('TICK 2'),
    query('SELECT 1'),
    query('FAIL'),
    query('TICK 1'),
    query('SELECT 2'),
  )
  await client.ready(6)
  assert.equal(client.tags, 'TDCZTDDCZTDCZEZTDCZTDCZ')
})

test('a statement of ours that fails fails its transaction, and in a failed one it is refused', async () => {
  await using client = await RawClient.open(testFront.port)
  for (const failing of ['FAIL', 'MALFORMED', 'TICK 1; FAIL', 'USE postgres']) {
    await ask(client, 'BEGIN')
    await ask(client, failing)
    assert.equal(await client.ready(), 'E', failing)
    await ask(client, 'SELECT 1')
    assert.equal(client.errors[0]?.get('C'), '25P02')
    for (const ours of ['TICK 1', 'REWRITTEN SELECT 1', 'ASK SELECT 1']) {
      assert.equal(await ask(client, ours), 'EZ')
      assert.equal(client.errors[0]?.get('C'), '25P02')
      assert.equal(
        client.errors[0]?.get('M'),
        'current transaction is aborted, commands ignored until end of transaction block',
      )
    }
    await ask(client, 'COMMIT')
    assert.equal(client.messages[0]?.bytes.toString('utf8', 5), 'ROLLBACK\0')
    assert.equal(await client.ready(), 'I')
  }
})

test('inside a transaction statements of ours run in it and leave it as it is', async () => {
  await using client = await RawClient.open(testFront.port)
  await ask(client, 'BEGIN; CREATE TEMP TABLE seen (i int) ON COMMIT DROP; INSERT INTO seen VALUES (7)')
  assert.equal(await ask(client, 'ASK SELECT i FROM seen; TICK 1'), 'TDCTDCZ')
  assert.deepEqual(client.rows[0], ['7'])
  assert.equal(await client.ready(), 'T')
  await ask(client, 'SAVEPOINT s')
  await ask(client, 'FAIL')
  await ask(client, 'ROLLBACK TO SAVEPOINT s')
  assert.equal(await client.ready(), 'T')
  await ask(client, 'COMMIT')
})

test("PostgreSQL's statements between two of ours are one implicit transaction", async () => {
  const client = await testFront.connect()
  await client.query('CREATE TABLE implicit (i int)')
  await assert.rejects(
    client.query('INSERT INTO implicit VALUES (1); TICK 1; ALIAS INSERT INTO implicit VALUES (2); SELECT 1/0'),
    { code: '22012' },
  )
  await assert.rejects(client.query('ALIAS INSERT INTO implicit VALUES (3); SELECT 1/0'), { code: '22012' })
  assert.deepEqual((await client.query('SELECT i FROM implicit ORDER BY i')).rows, [{ i: 1 }, { i: 2 }])
  await client.end()
})

test('a statement to rewrite is translated and sent when it is next', async () => {
  await using client = await RawClient.open(testFront.port)
  assert.equal(await ask(client, 'REWRITTEN SELECT current_query()'), 'TDCZ')
  assert.deepEqual(client.rows, [['SELECT current_query() -- in defaultdb']])
})

test('a session moves to another database with its parameters, settings and role, and its key stays', async () => {
  const client = await testFront.connect({ application_name: 'mover', options: '-c work_mem=12MB' })
  await client.query('CREATE ROLE clerk')
  await client.query(
    `SET application_name = 'it''s \\ set'; SET TIME ZONE 'Asia/Tokyo'; SET search_path = "Ä b", public; SET ROLE clerk`,
  )
  const reported: Record<string, string> = {}
  const connection = (client as unknown as { connection: NodeJS.EventEmitter }).connection
  connection.on('parameterStatus', ({ parameterName, parameterValue }) => (reported[parameterName] = parameterValue))
  await client.query('USE postgres')
  const shown = `SELECT current_database() AS db, current_setting('application_name') AS app, current_setting('work_mem') AS mem,
    current_setting('TimeZone') AS zone, current_setting('search_path') AS path, current_user::text AS role`
  const settings = { app: "it's \\ set", mem: '12MB', zone: 'Asia/Tokyo', path: '"Ä b", public', role: 'clerk' }
  assert.deepEqual((await client.query(shown)).rows, [{ db: 'postgres', ...settings }])
  // No parameter that the client knows has changed.
  for (const [name, value] of Object.entries(reported)) {
    assert.equal((await client.query('SELECT current_setting($1) AS now', [name])).rows[0].now, value, name)
  }
  await client.query('RESET ROLE')
  await client.query('DROP ROLE clerk')
  await assert.rejects(client.query('USE nowhere'), {
    code: '3D000',
    message: 'database "nowhere" does not exist',
    hint: 'SHOW DATABASES lists those that exist',
  })
  await client.query('BEGIN')
  await assert.rejects(client.query('USE defaultdb'), { code: '25001' })
  await client.query('ROLLBACK')
  assert.deepEqual((await client.query(shown)).rows[0].db, 'postgres')
  const sleeping = assert.rejects(client.query('SELECT pg_sleep(60)'), { code: '57014' })
  const canceller = await testFront.connect()
  await until('the statement runs and is cancelled', 5000, async () => {
    const { rowCount } = await canceller.query(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'",
    )
    return rowCount === 1 || undefined
  })
  await sleeping
  await canceller.end()
  await client.end()
})

test('a switch closes the backend it leaves', async () => {
  const client = await testFront.connect({ application_name: 'leaver' })
  for (const name of ['postgres', 'defaultdb', 'postgres', 'defaultdb']) await client.query(`USE ${name}`)
  const count = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'leaver'"
  await until('one is left', 5000, async () => (await client.query(count)).rows[0].n === 1 || undefined)
  await client.end()
})

test('a text that is not in its encoding is refused, whether it would be rewritten or run by us', async () => {
  await using client = await RawClient.open(testFront.port)
  const send = async (text: Buffer): Promise<string | undefined> => {
    const message = Buffer.concat([Buffer.from('Q\0\0\0\0'), text, Buffer.from('\0')])
    message.writeInt32BE(message.length - 1, 1)
    client.messages.length = 0
    client.send(message)
    await client.ready()
    return client.errors[0]?.get('C')
  }
  const broken = (before: string, after: string): Buffer =>
    Buffer.concat([Buffer.from(before), Buffer.from([0xe9, 0x20]), Buffer.from(after)])
  const passed = broken("SELECT '", "'")
  const changed = [broken("ALIAS SELECT '", "'"), broken("REWRITTEN SELECT '", "'"), broken('TICK 1 --', '')]
  for (const text of [passed, ...changed]) assert.equal(await send(text), '22021')
  for (const text of ["ALIAS SELECT '\0'", 'TICK 1\0', 'TICK 1\0 --'])
    assert.equal(await send(Buffer.from(text)), '08P01', text)
  assert.equal(await send(Buffer.from("SET client_encoding = 'LATIN1'")), undefined)
  assert.equal(await send(passed), undefined)
  for (const text of changed) assert.equal(await send(text), '0A000')
  assert.equal(await send(Buffer.from("ALIAS SELECT 'é'")), undefined)
  assert.deepEqual(client.messages.find(({ tag }) => tag === 'D')?.bytes.subarray(-2), Buffer.from('é'))
})

test('COPY goes through in the middle of pieces, also when it fails', async () => {
  await using client = await RawClient.open(testFront.port)
  await ask(client, 'CREATE TABLE copied (i int)')
  client.messages.length = 0
  client.send(query('TICK 1; COPY copied FROM STDIN; TICK 1'))
  await client.until('G')
  client.send(
    message('d', Buffer.from('1\n2\n')),
    message('d', Buffer.from('3\n')),
    message('c'),
    query('SELECT count(*) FROM copied'),
  )
  await client.ready(2)
  assert.equal(client.tags, 'TDCGCTDCZTDCZ')
  assert.deepEqual(client.rows.at(-1), ['3'])
  client.messages.length = 0
  client.send(query('TICK 1; COPY copied FROM STDIN; TICK 1'))
  await client.until('G')
  client.send(message('d', Buffer.from('x\n')), message('d', Buffer.from('3\n')), message('c'), query('TICK 1'))
  await client.ready(2)
  assert.equal(client.tags, 'TDCGEZTDCZ')
  assert.equal(await ask(client, 'TICK 1; COPY copied TO STDOUT'), 'TDCHdddcCZ')
})

test('a notification is delivered, also while a statement of ours runs', async () => {
  const listener = await testFront.connect()
  const sender = await testFront.connect()
  const heard: (string | undefined)[] = []
  listener.on('notification', ({ payload }) => heard.push(payload))
  await listener.query('LISTEN news')
  const running = listener.query('TICK FOREVER').catch(() => undefined)
  const [statement] = await until('it runs', 5000, () => {
    const found = testFront.running.all
    return found.length === 1 ? found : undefined
  })
  await sender.query("NOTIFY news, 'one'")
  await until('it is heard', 5000, () => heard.length === 1 || undefined)
  testFront.running.cancel(statement?.id ?? '')
  await running
  await listener.end()
  await sender.end()
})
