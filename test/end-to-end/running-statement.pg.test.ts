// A changefeed counts as a running statement: PostgreSQL shows it, cancels it, and ends it when its time is over.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { RawClient, bind, close, execute, parse, query, sync } from '../support/raw-client.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
  await server.sql('CREATE TABLE t (a INT PRIMARY KEY)')
  await server.sql('INSERT INTO t VALUES (1)')
})
after(() => server[Symbol.asyncDispose]())

const changefeed = "EXPERIMENTAL CHANGEFEED FOR t WITH resolved = '10s'"

interface Started {
  readonly client: pg.Client
  readonly pid: number
  readonly rows: number[]
  /** What ended it. */
  readonly end: Promise<{ code?: string; message: string } | undefined>
}

/** A changefeed behind some settings, after its first row. */
async function start(settings = 'SELECT 1', text = changefeed): Promise<Started> {
  const client = await server.connect()
  await client.query(settings)
  const pid = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid as number
  const rows: number[] = []
  const pg = (await import('pg')).default
  const feed = new pg.Query({ text })
  feed.on('row', () => rows.push(Date.now()))
  const end = new Promise<{ code?: string; message: string } | undefined>((resolve) => {
    feed.on('error', (error) => resolve(error))
    feed.on('end', () => resolve(undefined))
  })
  client.query(feed)
  await until('the first row', 20_000, () => rows.length > 0 || undefined)
  return { client, pid, rows, end }
}

async function shown(pid: number): Promise<boolean> {
  const rows = await server.sql(`SELECT state, query FROM pg_stat_activity WHERE pid = ${pid}`)
  return rows[0]?.['state'] === 'active' && String(rows[0]?.['query']).includes('EXPERIMENTAL CHANGEFEED FOR t')
}

for (const begin of ['SELECT 1', 'BEGIN', 'BEGIN ISOLATION LEVEL REPEATABLE READ']) {
  test(`after ${begin}, pg_stat_activity shows a changefeed, and pg_cancel_backend ends it`, async () => {
    const { client, pid, end } = await start(begin)
    await until('it is shown', 5000, async () => (await shown(pid)) || undefined)
    const running = await server.sql(`SELECT query_id FROM [SHOW QUERIES] WHERE query LIKE '%CHANGEFEED%'`)
    assert.equal(running.length, 1)
    assert.deepEqual(await server.sql(`SELECT pg_cancel_backend(${pid}) AS told`), [{ told: true }])
    const error = await end
    assert.deepEqual([error?.code, error?.message], ['57014', 'canceling statement due to user request'])
    if (begin !== 'SELECT 1') {
      await assert.rejects(client.query('SELECT 1'), { code: '25P02' })
      await client.query('ROLLBACK')
    }
    assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }])
    await client.end()
  })

  test(`after ${begin}, statement_timeout ends a changefeed, however many rows it sends`, async () => {
    const startedAtMs = Date.now()
    const { client, end } = await start(`SET statement_timeout = 2500; ${begin}`)
    const writer = await server.connect()
    const writing = setInterval(() => void writer.query('UPDATE t SET a = a').catch(() => undefined), 100)
    const error = await end
    clearInterval(writing)
    await writer.end()
    assert.deepEqual([error?.code, error?.message], ['57014', 'canceling statement due to statement timeout'])
    const tookMs = Date.now() - startedAtMs
    assert.ok(tookMs > 2400 && tookMs < 12_000, `${tookMs} ms`)
    await client.end()
  })

  test(`after ${begin}, the timeouts of idle sessions leave a changefeed alone`, async () => {
    const { client, pid, rows, end } = await start(
      `SET idle_session_timeout = 700; SET idle_in_transaction_session_timeout = 700; ${begin}`,
    )
    let error: unknown
    void end.then((ended) => (error = ended))
    const until2 = Date.now() + 3500
    await until('longer than they are', 10_000, () => Date.now() > until2 || undefined)
    assert.equal(error, undefined)
    const before = rows.length
    await server.sql('UPDATE t SET a = a')
    await until('a row', 5000, () => rows.length > before || undefined)
    await server.sql(`SELECT pg_terminate_backend(${pid})`)
    assert.equal((await end)?.code, '57P01')
    await client.end().catch(() => undefined)
  })
}

for (const begin of ['SELECT 1', 'BEGIN']) {
  test(`after ${begin}, pg_cancel_backend ends a changefeed from the moment it has its columns`, async () => {
    await using client = await RawClient.open(server.sqlPort)
    client.send(query('SELECT pg_backend_pid()'), query(begin))
    await client.ready(2)
    const pid = client.rows[0]?.[0]
    const other = await server.connect()
    for (let round = 0; round < 10; round++) {
      client.messages.length = 0
      client.send(query(`${changefeed}, initial_scan = 'no'`))
      await client.until('T')
      await other.query(`SELECT pg_cancel_backend(${pid})`)
      await client.ready()
      assert.deepEqual(
        client.errors.map((error) => [error.get('C'), error.get('M')]),
        [['57014', 'canceling statement due to user request']],
      )
      if (begin === 'BEGIN') {
        client.messages.length = 0
        client.send(query('ROLLBACK'), query('BEGIN'))
        await client.ready(2)
      }
    }
    await other.end()
  })
}

const stops: Readonly<Record<string, { settings?: string; stop(pid: string | null | undefined): Promise<void> }>> = {
  pg_cancel_backend: { stop: async (pid) => void (await server.sql(`SELECT pg_cancel_backend(${pid})`)) },
  'CANCEL QUERY': {
    stop: async () =>
      void (await server.sql(
        `CANCEL QUERIES (SELECT query_id FROM [SHOW QUERIES] WHERE query LIKE 'EXPERIMENTAL CHANGEFEED FOR u%')`,
      )),
  },
  statement_timeout: { settings: 'SET statement_timeout = 1500', stop: async () => undefined },
}
for (const [name, { settings = 'SELECT 1', stop }] of Object.entries(stops)) {
  test(`a changefeed that still waits for a lock on its table is ended by ${name}`, async () => {
    await server.sql('DROP TABLE IF EXISTS u; CREATE TABLE u (a INT PRIMARY KEY)')
    const holder = await server.connect()
    await holder.query('BEGIN; LOCK TABLE u IN ACCESS EXCLUSIVE MODE')
    await using client = await RawClient.open(server.sqlPort)
    client.send(query('SELECT pg_backend_pid()'), query(settings))
    await client.ready(2)
    const pid = client.rows[0]?.[0]
    client.messages.length = 0
    client.send(query('EXPERIMENTAL CHANGEFEED FOR u'))
    await until('it is shown', 10_000, async () => {
      const rows = await server.sql(
        `SELECT 1 FROM pg_stat_activity WHERE pid = ${pid} AND query LIKE '%CHANGEFEED FOR u%'`,
      )
      return rows.length > 0 || undefined
    })
    await stop(pid)
    await client.ready()
    assert.equal(client.errors[0]?.get('C'), '57014')
    client.send(query('SELECT 1'))
    await client.ready(2)
    await holder.query('ROLLBACK')
    await holder.end()
  })
}

test('the wait of a feed holds no snapshot for longer than a moment, and ends with its connection', async () => {
  const { client, pid } = await start()
  await until('it is shown', 5000, async () => (await shown(pid)) || undefined)
  const oldest = `SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) AS age
    FROM pg_stat_activity WHERE pid = ${pid} AND backend_xmin IS NOT NULL`
  const ages: number[] = []
  const end = Date.now() + 3000
  await until('samples', 10_000, async () => {
    ages.push(Number((await server.sql(oldest))[0]?.['age']))
    return Date.now() > end || undefined
  })
  assert.ok(Math.max(...ages) < 2, String(Math.max(...ages)))
  client.end().catch(() => undefined)
  await until('the backend is gone', 3000, async () => {
    const rows = await server.sql(`SELECT 1 FROM pg_stat_activity WHERE pid = ${pid}`)
    return rows.length === 0 || undefined
  })
})

test('a portal with a row limit of 1 in a transaction is suspended with each row, and the transaction stays usable', async () => {
  await using client = await RawClient.open(server.sqlPort)
  client.send(query('BEGIN'))
  await client.ready()
  client.messages.length = 0
  client.send(
    parse('', "EXPERIMENTAL CHANGEFEED FOR t WITH initial_scan = 'no', resolved = '1s', updated"),
    bind('c', ''),
    sync,
  )
  await client.ready()
  let lastValue = ''
  for (let i = 0; i < 12; i++) {
    client.messages.length = 0
    // Now at once, now after the backend has begun to wait for the feed.
    if (i % 3 === 2) await server.sql('UPDATE t SET a = a')
    client.send(execute('c', 1), sync)
    assert.equal(await client.ready(), 'T')
    assert.equal(client.tags, 'DsZ')
    assert.notEqual(client.rows[0]?.[2], lastValue)
    lastValue = client.rows[0]?.[2] ?? ''
    client.messages.length = 0
    client.send(query('SELECT pg_sleep(0.01)'))
    assert.equal(await client.ready(), 'T')
    assert.deepEqual(client.errors, [])
  }
  client.messages.length = 0
  client.send(close('P', 'c'), sync, query('SELECT 1'), query('COMMIT'))
  assert.equal(await client.ready(3), 'I')
  assert.equal(client.tags, '3ZTDCZCZ')
})

test('a row of a limited portal is on its way to the client within moments of its commit', async () => {
  await using client = await RawClient.open(server.sqlPort)
  client.send(query('BEGIN'))
  await client.ready()
  client.send(parse('', "EXPERIMENTAL CHANGEFEED FOR t WITH initial_scan = 'no'"), bind('c', ''), sync)
  await client.ready(2)
  const waits: number[] = []
  for (let i = 0; i < 5; i++) {
    client.messages.length = 0
    client.send(execute('c', 1), sync)
    // Long enough for the backend to have begun to wait.
    await server.sql('SELECT pg_sleep(1.3)')
    assert.equal(client.tags, '')
    await server.sql('UPDATE t SET a = a')
    const at = performance.now()
    await client.ready()
    waits.push(performance.now() - at)
    assert.equal(client.tags, 'DsZ')
  }
  assert.ok(Math.min(...waits) < 300, waits.join(' '))
})
