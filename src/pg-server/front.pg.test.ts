import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { standsStill, until } from '../../test/support/until.ts'
import { RawClient, bind, execute, message, parse, query, startup, sync } from '../../test/support/raw-client.ts'
import { TcpGate } from '../../test/support/tcp-gate.ts'
import { TestFront } from '../../test/support/test-front.ts'
import { FeedError } from '../errors/feed-error.ts'
import { startFront } from './front.ts'

let testFront: TestFront
before(async () => {
  testFront = await TestFront.start()
})
after(async () => testFront[Symbol.asyncDispose]())

const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
const gssRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 48])

function cancelRequest(key: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0, 0, 0, 16, 4, 210, 22, 46]), key.subarray(5)])
}

test('TLS and GSS are refused with N, and the client continues without encryption', async () => {
  const client = new RawClient(testFront.port)
  let first = ''
  client.socket.removeAllListeners('data')
  client.socket.on('data', (chunk) => (first += chunk.toString('latin1')))
  client.send(gssRequest)
  await until('N', 5000, () => first === 'N' || undefined)
  client.send(sslRequest)
  await until('NN', 5000, () => first === 'NN' || undefined)
  client.send(startup({ user: 'root' }))
  await until('the start-up is done', 5000, () => first.endsWith('Z\0\0\0\x05I') || undefined)
  client.socket.destroy()
})

test('a start-up cut at every byte, with a query in the same packet, is answered', async () => {
  const bytes = Buffer.concat([
    startup({ user: 'root', application_name: 'cut' }),
    query("SELECT current_database(), current_setting('application_name')"),
  ])
  for (let cut = 1; cut < bytes.length; cut += 7) {
    await using client = new RawClient(testFront.port)
    client.send(bytes.subarray(0, cut))
    // The first part arrives alone.
    await delay(1)
    client.send(bytes.subarray(cut))
    await client.ready(2)
    assert.deepEqual(client.rows, [['defaultdb', 'cut']], `cut at ${cut}`)
  }
})

test('a client of another major version of the protocol gets an error that names ours', async () => {
  for (const [version, named] of [
    [0x0002_0000, '2.0'],
    [0x0004_0001, '4.1'],
  ] as const) {
    await using client = new RawClient(testFront.port)
    const packet = Buffer.alloc(296)
    packet.writeInt32BE(packet.length, 0)
    packet.writeInt32BE(version, 4)
    client.send(packet)
    await client.closed()
    assert.equal(client.errors[0]?.get('C'), '0A000')
    assert.equal(client.errors[0]?.get('M'), `unsupported frontend protocol ${named}: server supports 3.0`)
  }
})

test("the client's pid is the backend's, and its secret is not", async () => {
  await using client = new RawClient(testFront.port)
  client.send(startup({ user: 'root' }), query('SELECT pg_backend_pid()'))
  await client.ready(2)
  const key = await client.until('K')
  assert.equal(client.rows[0]?.[0], String(key.bytes.readInt32BE(5)))
  assert.equal(key.bytes.length, 13)
})

test('a database that does not exist is refused once, in the words of PostgreSQL', async () => {
  await using client = new RawClient(testFront.port)
  client.send(startup({ user: 'root', database: 'nowhere' }))
  await client.closed()
  assert.deepEqual(
    client.errors.map((fields) => [fields.get('S'), fields.get('C'), fields.get('M')]),
    [['FATAL', '3D000', 'database "nowhere" does not exist']],
  )
})

test('garbage in place of a start-up, or of a message, ends that connection and no other', async () => {
  await using witness = await RawClient.open(testFront.port)
  await using early = new RawClient(testFront.port)
  early.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  await early.closed()
  await using late = await RawClient.open(testFront.port)
  late.send(Buffer.from([0x51, 0, 0, 0, 1, 0]))
  await late.closed()
  assert.equal(late.errors[0]?.get('C'), '08P01')
  witness.send(query('SELECT 1'))
  await witness.ready()
})

test('a port in use is named, with a hint what to do', async () => {
  const options = {
    listen: { host: '127.0.0.1', port: testFront.port },
    backend: { ...testFront.postgres.source, database: 'defaultdb' },
    handler: testFront,
    running: testFront.running,
    defaultDatabase: 'defaultdb',
  }
  await assert.rejects(startFront(options), (error: FeedError) => {
    assert.equal(error.code, 'FEED_START')
    assert.match(error.message, new RegExp(`port ${testFront.port}`))
    assert.ok(error.hint)
    return true
  })
})

test('while PostgreSQL is not up, a client gets an error that says so', async () => {
  const front = await testFront.another({ host: '/nonexistent', socketDir: '/nonexistent', port: 1 })
  await using client = new RawClient(front.port)
  client.send(startup({ user: 'root' }))
  await client.closed()
  assert.deepEqual(
    client.errors.map((fields) => [fields.get('S'), fields.get('C'), fields.get('M')]),
    [['FATAL', '57P03', 'the database system is starting up']],
  )
  await front.close()
})

test('the backend can be reached over TCP, too', async () => {
  await using gate = await TcpGate.open(() => testFront.postgres.source)
  const front = await testFront.another({ host: '127.0.0.1', port: gate.port })
  await using client = await RawClient.open(front.port)
  client.send(query('TICK 2; SELECT 1'))
  await client.ready()
  assert.equal(client.tags, 'TDDCTDCZ')
  await front.close()
})

test('close tells every session, stops statements, and returns when all are gone', async () => {
  const front = await testFront.another()
  await using idle = await RawClient.open(front.port)
  await using ticking = await RawClient.open(front.port)
  await using deaf = await RawClient.open(front.port)
  await using silent = new RawClient(front.port)
  ticking.send(query('TICK FOREVER'))
  await ticking.until('D')
  deaf.socket.pause()
  deaf.send(query('TICK FOREVER'))
  await until('two statements run', 5000, () => testFront.running.all.length === 2 || undefined)
  await front.close()
  assert.equal(testFront.running.all.length, 0)
  for (const client of [idle, ticking]) {
    await client.closed()
    assert.equal(client.messages.at(-1)?.tag, 'E')
    assert.equal(client.errors[0]?.get('C'), '57P01')
    assert.equal(client.errors[0]?.get('M'), 'terminating connection due to administrator command')
  }
  await silent.closed()
})

test('running statements are listed with who runs them, and cancelled by id', async () => {
  const client = await testFront.connect({ application_name: 'lister' })
  await client.query("SET application_name = 'renamed'")
  const failed = assert.rejects(client.query('HOLD'), { code: '57014', message: 'query execution canceled' })
  const [running] = await until('it runs', 5000, () => {
    const found = testFront.running.all
    return found.length === 1 ? found : undefined
  })
  assert.ok(running)
  assert.match(running.id, /^[0-9a-f]{32}$/)
  assert.deepEqual([running.sql, running.session.user, running.session.applicationName], ['HOLD', 'root', 'renamed'])
  assert.match(running.session.clientAddress, /^127\.0\.0\.1:\d+$/)
  assert.ok(Date.now() - running.startedAtMs < 10_000)
  assert.equal(testFront.running.cancel('0'), false)
  assert.equal(testFront.running.cancel(running.id), true)
  await failed
  assert.equal(testFront.running.cancel(running.id), false)
  assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }])
  await client.end()
})

test('a CancelRequest stops a statement of ours, or one of PostgreSQL', async () => {
  await using client = new RawClient(testFront.port)
  client.send(startup({ user: 'root' }))
  const key = (await client.until('K')).bytes
  await client.ready()
  for (const sql of ['TICK FOREVER', 'SELECT pg_sleep(60)', 'TICK 1; SELECT pg_sleep(60)', 'ASK SELECT pg_sleep(60)']) {
    client.messages.length = 0
    client.send(query(sql))
    await until('it is cancelled', 10_000, async () => {
      const other = new RawClient(testFront.port)
      other.send(cancelRequest(key))
      await other.closed()
      return client.errors.length > 0 || undefined
    })
    assert.equal(await client.ready(), 'I', sql)
    assert.equal(client.errors[0]?.get('C'), '57014', sql)
  }
  const wrong = Buffer.from(key)
  wrong[12] = (wrong[12] as number) ^ 1
  await using other = new RawClient(testFront.port)
  other.send(cancelRequest(wrong))
  await other.closed()
})

test('a client that is killed stops its statement within a second, whether rows flow or not', async () => {
  for (const sql of ['TICK FOREVER', 'HOLD']) {
    const script = `const c = require('net').connect(${testFront.port}, '127.0.0.1', () => {
      c.write(Buffer.from('${Buffer.concat([startup({ user: 'root' }), query(sql)]).toString('hex')}', 'hex'))
      c.once('data', () => c.pause())
      setInterval(() => {}, 1000)
    })`
    const child = spawn(process.execPath, ['-e', script], { stdio: 'inherit' })
    await until('it runs', 20_000, () => testFront.running.all.length === 1 || undefined)
    if (sql !== 'HOLD') await standsStill(() => testFront.ticks)
    const before = testFront.stops.length
    const killedAtMs = Date.now()
    child.kill('SIGKILL')
    await until('it stops', 5000, () => testFront.stops.length > before || undefined)
    assert.ok((testFront.stops.at(-1)?.atMs ?? Infinity) - killedAtMs < 1000, sql)
    await until('nothing runs', 5000, () => testFront.running.all.length === 0 || undefined)
  }
})

test('a client that leaves is noticed also after megabytes of messages that wait', async () => {
  const client = await RawClient.open(testFront.port)
  client.send(query('HOLD'), ...Array.from({ length: 40 }, () => query(`SELECT '${'x'.repeat(100_000)}'`)))
  await until('it runs', 5000, () => testFront.running.all.length === 1 || undefined)
  await standsStill(() => client.socket.bytesWritten - client.socket.writableLength)
  const before = testFront.stops.length
  client.socket.destroy()
  await until('it stops', 3000, () => testFront.stops.length > before || undefined)
})

test('Terminate ends a statement that otherwise never ends', async () => {
  const client = await RawClient.open(testFront.port)
  client.send(query('HOLD'))
  await until('it runs', 5000, () => testFront.running.all.length === 1 || undefined)
  client.send(message('X'))
  await client.closed()
  await until('nothing runs', 5000, () => testFront.running.all.length === 0 || undefined)
})

test('a client that does not read stops the statement where it is, in bounded memory, and can be cancelled', async () => {
  const client = await RawClient.open(testFront.port)
  client.socket.pause()
  client.send(query('TICK FOREVER'))
  await until('rows flow', 5000, () => testFront.ticks > 1000 || undefined)
  const before = process.memoryUsage.rss()
  const stoodAt = await standsStill(() => testFront.ticks)
  assert.ok(process.memoryUsage.rss() - before < 50e6)
  const [running] = testFront.running.all
  const stops = testFront.stops.length
  testFront.running.cancel(running?.id ?? '')
  await until('it stops', 2000, () => testFront.stops.length > stops || undefined)
  client.socket.resume()
  assert.equal(await client.ready(), 'I')
  // What was handed over arrives; of what was not, nothing.
  assert.ok(client.rows.length >= stoodAt && client.rows.length <= stoodAt + 100)
  await client[Symbol.asyncDispose]()
})

test('a client that does not read stops PostgreSQL, too', async () => {
  const client = await RawClient.open(testFront.port)
  client.socket.pause()
  const before = process.memoryUsage.rss()
  client.send(query("SELECT repeat('x', 1000) FROM generate_series(1, 200000)"))
  const admin = await testFront.connect()
  const waits = async (): Promise<true | undefined> => {
    const { rows } = await admin.query("SELECT wait_event FROM pg_stat_activity WHERE query LIKE 'SELECT repeat%'")
    return rows[0]?.wait_event === 'ClientWrite' || undefined
  }
  await until('PostgreSQL waits', 10_000, waits)
  // That the wait continues shows only when some time passes.
  await delay(300)
  assert.equal(await waits(), true)
  assert.ok(process.memoryUsage.rss() - before < 60e6)
  client.socket.resume()
  await client.ready()
  assert.equal(client.rows.length, 200_000)
  await client[Symbol.asyncDispose]()
  await admin.end()
})

test('a backend that is terminated is reported once, in its own words', async () => {
  await using client = new RawClient(testFront.port)
  client.send(startup({ user: 'root' }))
  const pid = (await client.until('K')).bytes.readInt32BE(5)
  await client.ready()
  const admin = await testFront.connect()
  await admin.query('SELECT pg_terminate_backend($1)', [pid])
  await client.closed()
  assert.deepEqual(
    client.errors.map((fields) => [fields.get('S'), fields.get('C')]),
    [['FATAL', '57P01']],
  )
  await admin.end()
})

test('when PostgreSQL is killed, statements stop, clients get an error, and can soon connect again', async () => {
  await using idle = await RawClient.open(testFront.port)
  await using holding = await RawClient.open(testFront.port)
  holding.send(query('HOLD'))
  await until('it runs', 5000, () => testFront.running.all.length === 1 || undefined)
  process.kill(testFront.postgres.pid, 'SIGKILL')
  for (const client of [idle, holding]) {
    await client.closed()
    assert.equal(client.errors.length, 1)
    assert.equal(client.errors[0]?.get('S'), 'FATAL')
    assert.match(client.errors[0]?.get('C') ?? '', /^57P0[12]$/)
  }
  assert.equal(testFront.running.all.length, 0)
  await until('PostgreSQL is back', 30_000, async () => {
    try {
      await (await RawClient.open(testFront.port))[Symbol.asyncDispose]()
      return true
    } catch {
      return undefined
    }
  })
})

test('one client more than the front takes is refused as PostgreSQL refuses it, and the next may come when one is gone', async () => {
  const front = await testFront.another(undefined, 2)
  const connect = (): Promise<pg.Client> => testFront.connect({ port: front.port })
  const first = await connect()
  const second = await connect()
  await assert.rejects(connect(), { code: '53300', message: 'sorry, too many clients already' })
  await first.end()
  const third = await until('there is room', 5000, () =>
    connect().then(
      (client) => client,
      () => undefined,
    ),
  )
  await second.end()
  await third.end()
  await front.close()
})

test('a statement that does not hear that it is stopped does not hold its client, and says nothing later', async () => {
  await using client = await RawClient.open(testFront.port)
  for (const stream of [false, true]) {
    client.messages.length = 0
    client.send(...(stream ? [parse('', 'DEAF'), bind('', ''), execute('', 1), sync] : [query('DEAF')]))
    const running = await until('it runs', 5000, () => testFront.running.all[0])
    testFront.running.cancel(running.id)
    await client.ready()
    assert.equal(client.errors[0]?.get('C'), '57014')
    assert.equal(testFront.running.all.length, 1, 'it is shown for as long as it holds anything')
    client.messages.length = 0
    client.send(query('SELECT pg_sleep(0.2)'))
    testFront.letGo()
    assert.equal(await testFront.spoke, 'rejected rejected rejected')
    await client.ready()
    assert.equal(client.tags, 'TDCZ')
    await until('it has ended', 5000, () => testFront.running.all.length === 0 || undefined)
  }
})
