import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import test, { after, before } from 'node:test'
import type { Code } from '../errors/codes.ts'
import { FeedError } from '../errors/feed-error.ts'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'
import { openRawConnection } from './raw-connection.ts'

let server: TestPostgres
let databases: readonly TestDatabase[]

before(async () => {
  server = await TestPostgres.start()
  databases = [await server.database(false), await server.database(true)]
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

function isError(code: Code, sqlstate?: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof FeedError && error.code === code && (sqlstate === undefined || error.sqlstate === sqlstate)
}

test('queries give the rows of all their results as text, over a unix socket and over TCP', async () => {
  for (const { source } of databases) {
    const connection = await openRawConnection({ source })
    assert.deepEqual(await connection.query(`SELECT 1, NULL, 'ü'; SELECT 2`), [['1', null, 'ü'], ['2']])
    assert.equal((await connection.query('SELECT pg_backend_pid()'))[0]?.[0], String(connection.backendPid))
    assert.deepEqual(await connection.query('SHOW DateStyle'), [['ISO, YMD']])
    await connection.close()
  }
})

test('a refused query says what the server said, and the connection lives on', async () => {
  for (const { source } of databases) {
    const connection = await openRawConnection({ source })
    await assert.rejects(connection.query('SELECT nonsense'), isError('FEED_SOURCE_REFUSED', '42703'))
    await assert.rejects(
      connection.query(`DO $$ BEGIN RAISE EXCEPTION 'no' USING HINT = 'try', DETAIL = 'why'; END $$`),
      {
        message: 'no',
        hint: 'try',
        detail: 'why',
      },
    )
    assert.deepEqual(await connection.query('SELECT 1'), [['1']])
    await connection.close()
  }
})

test('COPY comes whole, in order, also when its reader is slow', async () => {
  for (const { source } of databases) {
    const connection = await openRawConnection({ source, readBufferBytes: 64 * 1024 })
    let next = 1
    let waiting = false
    await connection.copyOut('COPY (SELECT g FROM generate_series(1, 300000) g) TO STDOUT', {
      data(bytes, start, end) {
        assert.equal(waiting, false, 'nothing is handed on while the reader waits')
        assert.equal(bytes.toString('latin1', start, end), `${next++}\n`)
      },
      async chunkDone() {
        waiting = true
        // Whatever has come meanwhile would be handed on in this turn.
        await delay(0)
        waiting = false
      },
    })
    assert.equal(next, 300_001)
    assert.deepEqual(await connection.query('SELECT 1'), [['1']])
    await connection.close()
  }
})

test('a COPY whose handler throws rejects with that error', async () => {
  for (const { source } of databases) {
    const connection = await openRawConnection({ source })
    const failing = connection.copyOut('COPY (SELECT g FROM generate_series(1, 1000) g) TO STDOUT', {
      data() {
        throw new FeedError('FEED_ROW', 'cannot')
      },
    })
    await assert.rejects(failing, isError('FEED_ROW'))
    await assert.rejects(connection.query('SELECT 1'), FeedError)
  }
})

test('cancel ends what runs', async () => {
  for (const { source } of databases) {
    const connection = await openRawConnection({ source })
    const sleeping = connection.query('SELECT pg_sleep(60)')
    let isOver = false
    const rejected = assert.rejects(sleeping, isError('FEED_SOURCE_REFUSED', '57014')).finally(() => (isOver = true))
    // The server forgets a cancel that comes before its query.
    while (!isOver) await Promise.race([rejected, connection.cancel().then(() => delay(50))])
    await rejected
    assert.deepEqual(await connection.query('SELECT 1'), [['1']])
    await connection.close()
  }
})

test('an error that is not ours, thrown by a handler, is one that is retried', async () => {
  const connection = await openRawConnection({ source: (databases[0] as TestDatabase).source })
  const failing = connection.copyOut('COPY (SELECT 1) TO STDOUT', {
    data() {
      throw new TypeError('no such thing')
    },
  })
  await assert.rejects(failing, { code: 'FEED_UNEXPECTED', message: 'no such thing', retry: true })
  await connection.close()
})

test('one call at a time', async () => {
  const connection = await openRawConnection({ source: (databases[0] as TestDatabase).source })
  const first = connection.query('SELECT 1')
  await assert.rejects(connection.query('SELECT 2'), isError('FEED_BUG'))
  assert.deepEqual(await first, [['1']])
  await connection.close()
})

test('every call settles when the connection dies', async () => {
  for (const { source, sql } of databases) {
    const terminated = await openRawConnection({ source })
    const running = terminated.query('SELECT pg_sleep(60)')
    await Promise.all([
      assert.rejects(running, isError('FEED_SOURCE_DOWN', '57P01')),
      sql(`SELECT pg_terminate_backend(${terminated.backendPid})`),
    ])
    const idle = await openRawConnection({ source })
    await sql(`SELECT pg_terminate_backend(${idle.backendPid})`)
    await assert.rejects(async () => {
      for (;;) await idle.query('SELECT 1')
    }, isError('FEED_SOURCE_DOWN'))
    const destroyed = await openRawConnection({ source })
    const open = destroyed.query('SELECT pg_sleep(60)')
    destroyed.destroy()
    await assert.rejects(open, isError('FEED_SOURCE_DOWN'))
    await assert.rejects(destroyed.query('SELECT 1'), isError('FEED_SOURCE_DOWN'))
    await destroyed.close()
  }
})

test('a closed connection has left the server', async () => {
  const { source, sql } = databases[0] as TestDatabase
  const connection = await openRawConnection({ source })
  await connection.close()
  assert.deepEqual(await sql(`SELECT FROM pg_stat_activity WHERE pid = ${connection.backendPid}`), [])
})

test('a replication stream begins, is left, and leaves the connection good for queries', async () => {
  for (const { source, sql } of databases) {
    const connection = await openRawConnection({ source, replication: true })
    await connection.query(`CREATE_REPLICATION_SLOT stream_test TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`)
    let texts = ''
    const stream = await connection.copyBoth(
      `START_REPLICATION SLOT stream_test LOGICAL 0/0 (proto_version '1', publication_names 'none', messages 'true')`,
      {
        data(bytes, start, end) {
          texts += bytes.toString('latin1', start, end)
        },
      },
    )
    await sql(`SELECT pg_logical_emit_message(true, 'p', 'hello')`)
    await within(5000, 'the message', () => texts.includes('hello'))
    await stream.end()
    await stream.done
    assert.deepEqual(await connection.query('SELECT 1'), [['1']])
    await assert.rejects(
      connection.copyBoth(
        `START_REPLICATION SLOT no_such_slot LOGICAL 0/0 (proto_version '1', publication_names 'none')`,
        { data: () => undefined },
      ),
      isError('FEED_SOURCE_REFUSED', '42704'),
    )
    assert.deepEqual(await connection.query('SELECT 1'), [['1']])
    await connection.close()
  }
})

test('the end of a stream by the server is an error with its words', async () => {
  const { source, sql } = databases[0] as TestDatabase
  const connection = await openRawConnection({ source, replication: true })
  await connection.query(`CREATE_REPLICATION_SLOT killed_test TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`)
  const stream = await connection.copyBoth(
    `START_REPLICATION SLOT killed_test LOGICAL 0/0 (proto_version '1', publication_names 'none')`,
    { data: () => undefined },
  )
  await Promise.all([
    assert.rejects(stream.done, isError('FEED_SOURCE_DOWN', '57P01')),
    sql(`SELECT pg_terminate_backend(${connection.backendPid})`),
  ])
  await assert.rejects(stream.end(), isError('FEED_SOURCE_DOWN'))
})

const fakeAddress = (port: number) => ({ host: '127.0.0.1', port, socketDir: undefined })

test('who is not there, does not speak, or wants a password is named', async () => {
  const { source } = databases[1] as TestDatabase
  const answers = [
    { reply: undefined, code: 'FEED_SOURCE_DOWN' },
    { reply: Buffer.of(0x52, 0, 0, 0, 8, 0, 0, 0, 7), code: 'FEED_SOURCE_REFUSED' },
    { reply: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), code: undefined },
  ] as const
  for (const { reply, code } of answers) {
    const fake = createServer((socket) =>
      socket.once('data', () => (reply === undefined ? socket.destroy() : socket.end(reply))),
    )
    await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve))
    const { port } = fake.address() as AddressInfo
    await assert.rejects(
      openRawConnection({ source: { ...source, ...fakeAddress(port) } }),
      code === undefined ? FeedError : isError(code),
    )
    await new Promise((resolve) => fake.close(resolve))
    await assert.rejects(
      openRawConnection({ source: { ...source, ...fakeAddress(port) } }),
      isError('FEED_SOURCE_DOWN'),
    )
  }
  await assert.rejects(
    openRawConnection({ source: { ...source, database: 'no_such' } }),
    isError('FEED_SOURCE_REFUSED', '3D000'),
  )
})

test('a server that falls silent while a connection starts is given up, also behind its first ReadyForQuery', async (t) => {
  const { source } = databases[1] as TestDatabase
  // AuthenticationOk and ReadyForQuery.
  const ready = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49])
  for (const answers of [[], [ready]]) {
    const silent = Promise.withResolvers<void>()
    const fake = createServer((socket) => {
      const left = [...answers]
      socket.on('error', () => undefined)
      socket.on('data', () => {
        const answer = left.shift()
        if (answer === undefined) silent.resolve()
        else socket.write(answer)
      })
    })
    await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve))
    const { port } = fake.address() as AddressInfo
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const opening = assert.rejects(openRawConnection({ source: { ...source, ...fakeAddress(port) } }), {
      code: 'FEED_SOURCE_DOWN',
      message: `cannot reach PostgreSQL at 127.0.0.1:${port}: no answer within 10 s`,
    })
    await silent.promise
    t.mock.timers.tick(10_000)
    await opening
    t.mock.timers.reset()
    await new Promise((resolve) => fake.close(resolve))
  }
})
