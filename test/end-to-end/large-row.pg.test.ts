// One large row on a connection, as hex three times its size on the way, and what is left of it in memory: nothing, whether
// the client took it, or stopped in the middle and went away.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { RawClient, query } from '../support/raw-client.ts'

const rowBytes = 60_000_000
/** Far below one copy of the row on its way. */
const mayStayMb = 50

let server: TestServer
before(async () => {
  // The C library keeps freed memory for itself, tens of MB of it where the row came in the small pieces of TLS. It is to return it at once,
  // so that what stays is what the program holds.
  Object.assign(process.env, { MALLOC_MMAP_THRESHOLD_: '16384', MALLOC_TRIM_THRESHOLD_: '65536' })
  server = await TestServer.start()
  await server.sql('CREATE TABLE t (a INT PRIMARY KEY, b TEXT)')
  await server.sql("INSERT INTO t VALUES (1, 'small')")
})
after(() => server[Symbol.asyncDispose]())

const linux = { skip: process.platform === 'linux' ? false : 'reads /proc' }

function residentMb(): number {
  const status = readFileSync(`/proc/${server.pid}/status`, 'latin1')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}

interface Reader extends AsyncDisposable {
  readonly client: RawClient
  readonly bytes: () => number
}

/** Counts what comes, and keeps nothing of it. Stops reading behind `most` bytes. */
async function startReader(most = Infinity): Promise<Reader> {
  const client = await RawClient.open(server.sqlPort)
  let bytes = 0
  client.socket.removeAllListeners('data')
  client.socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > most) client.socket.pause()
  })
  client.send(query('EXPERIMENTAL CHANGEFEED FOR t'))
  await until('the small row', 20_000, () => bytes > 100 || undefined)
  return { client, bytes: () => bytes, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() }
}

async function insert(a: number): Promise<void> {
  await server.sql(`INSERT INTO t VALUES (${a}, repeat('x', ${rowBytes}))`)
}

async function comesDown(idleMb: number): Promise<void> {
  await until(`below ${idleMb + mayStayMb} MB`, 10_000, () => residentMb() < idleMb + mayStayMb || undefined).catch(
    () => assert.fail(`${residentMb()} MB stay of a server that had ${idleMb} before`),
  )
}

test('the memory of a large row is given back when the client has it, though its feed runs on', linux, async () => {
  await using reader = await startReader()
  const idleMb = residentMb()
  for (const a of [10, 11]) {
    const had = reader.bytes()
    await insert(a)
    await until('the row', 60_000, () => reader.bytes() > had + 2 * rowBytes || undefined)
    await comesDown(idleMb)
  }
  await server.sql('DELETE FROM t WHERE a >= 10')
})

test('a client that stops in the middle of a large row and vanishes leaves nothing behind', linux, async () => {
  {
    await using reader = await startReader(5_000_000)
    const idleMb = residentMb()
    await insert(20)
    await until('a part of the row', 60_000, () => reader.bytes() > 5_000_000 || undefined)
    assert.ok(residentMb() > idleMb + rowBytes / 1e6, 'the row waits for its client')
    reader.client.socket.destroy()
    await comesDown(idleMb)
  }
  await until('the statement has ended', 10_000, async () => {
    const running = await server.sql(`SELECT query_id FROM [SHOW QUERIES] WHERE query LIKE '%CHANGEFEED FOR t'`)
    return running.length === 0 || undefined
  })
})
