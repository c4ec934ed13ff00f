import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  RawClient,
  bind,
  close,
  describe,
  execute,
  flush,
  message,
  parse,
  query,
  sync,
} from '../../test/support/raw-client.ts'
import { Random } from '../../test/nemesis/random.ts'
import { TcpGate } from '../../test/support/tcp-gate.ts'
import { TestFront } from '../../test/support/test-front.ts'

let testFront: TestFront
before(async () => {
  testFront = await TestFront.start()
})
after(async () => testFront[Symbol.asyncDispose]())

/** The same numbers every time. */
function numbers(seed: number): (below: number) => number {
  const random = new Random(seed)
  return (below) => random.int(below)
}

const data = (text: string): Buffer => message('d', Buffer.from(text))
const done = message('c')
const giveUp = message('f', 'no more')

const queries = [
  'SELECT 1',
  '',
  '; ;',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'SELECT 1/0',
  'SELEC',
  'SELECT 1; SELECT 2; SELECT 3',
  "SELECT repeat('x', 200000) FROM generate_series(1, 3)",
  'INSERT INTO kept VALUES (1)',
  'COPY (SELECT generate_series(1, 5000)) TO STDOUT',
  "DO $$ BEGIN RAISE NOTICE 'said'; END $$",
  "SET application_name = 'other'",
]

const prepared = [
  'SELECT 1',
  'SELECT $1::text',
  'SELECT i FROM generate_series(1, 10) AS i',
  'SELECT 1/(i - 3) FROM generate_series(1, 5) AS i',
  'SELEC',
  '',
  'BEGIN',
  'COMMIT',
  'INSERT INTO kept VALUES (2)',
]

const copies = [
  [data('1\n2\n'), data('3\n'), done],
  [data('1\n'), data('not a number\n'), data('2\n'), done],
  [data('1\n'), giveUp],
  [data('7\n'.repeat(50_000)), done],
]

const ours = [
  'TICK 2',
  'TICK 300',
  'FAIL',
  'MALFORMED',
  'SAY hello',
  'ASK SELECT 1',
  'ASK SELECT 1/0',
  'REWRITTEN SELECT 1',
  'ALIAS SELECT 1',
  'USE postgres',
  'USE defaultdb',
]

/** A conversation that a client may have, however silly; every COPY is ended. */
function conversation(pick: (below: number) => number, withOurs = false): Buffer[] {
  const one = <T>(of: readonly T[]): T => of[pick(of.length)] as T
  const name = (): string => one(['', 'a', 'b'])
  const messages = [
    query('CREATE TEMP TABLE kept (i int DEFERRABLE)'),
    query('CREATE TEMP TABLE kept (i int UNIQUE DEFERRABLE INITIALLY DEFERRED)'),
  ]
  for (let left = 4 + pick(16); left > 0; left--) {
    if (withOurs && pick(2) === 0) {
      const sql = one(ours)
      const kept = name()
      messages.push(
        ...one([
          [query(sql)],
          [query(`SELECT 1; ${sql}; TICK 1`)],
          [parse(kept, sql)],
          [parse('', sql), bind(kept, ''), execute(kept, pick(3))],
        ]),
      )
    }
    switch (pick(12)) {
      case 0:
      case 1:
        messages.push(query(one(queries)))
        break
      case 2:
      case 3:
        messages.push(parse(name(), one(prepared)))
        break
      case 4:
      case 5:
        messages.push(
          bind(name(), name(), { values: one([[], ['value'], ['y'.repeat(150_000)]]), resultFormats: [pick(2)] }),
        )
        break
      case 6:
        messages.push(describe(one(['S', 'P']), name()))
        break
      case 7:
        messages.push(execute(name(), pick(4)))
        break
      case 8:
        messages.push(close(one(['S', 'P']), name()), flush)
        break
      case 9:
        messages.push(query('COPY kept FROM STDIN'), ...one(copies))
        break
      case 10:
        // As libpq does it: the first Sync is lost in COPY.
        messages.push(
          parse('', 'COPY kept FROM STDIN'),
          bind('', ''),
          describe('P', ''),
          execute(''),
          ...one([[], [sync], [sync, sync], [flush]]),
          ...one(copies),
          sync,
        )
        break
      default:
        messages.push(sync, ...one([[], [flush], [sync]]))
        break
    }
  }
  return [...messages, sync, query('ROLLBACK'), query("SELECT 'the end' AS last")]
}

async function answer(
  port: number,
  messages: readonly Buffer[],
  cut: (below: number) => number,
): Promise<{ client: RawClient; texts: readonly string[] }> {
  const client = await RawClient.open(port)
  const bytes = Buffer.concat(messages)
  for (let at = 0; at < bytes.length;) {
    const size = 1 + cut(cut(3) === 0 ? 20 : 70_000)
    client.socket.write(bytes.subarray(at, at + size))
    at += size
    if (cut(4) === 0) await new Promise(setImmediate)
  }
  while (!client.rows.some(([first]) => first === 'the end'))
    await client.until('Z', client.tags.replace(/[^Z]/g, '').length + 1)
  // The number of a schema for temporary tables differs between sessions, and the length of an error with it.
  const texts = client.messages.map(({ tag, bytes: one }) =>
    tag === 'E' ? one.toString('latin1', 5).replace(/pg_temp_\d+/, 'pg_temp') : one.toString('latin1'),
  )
  return { client, texts }
}

test('100 random conversations get, byte for byte, what PostgreSQL sends; then our statements answer', async () => {
  await using gate = await TcpGate.open(() => testFront.postgres.source)
  for (let seed = 1; seed <= 100; seed++) {
    const pick = numbers(seed)
    const messages = conversation(pick)
    const [direct, proxied] = await Promise.all([
      answer(gate.port, messages, numbers(seed)),
      answer(testFront.port, messages, numbers(seed + 1000)),
    ])
    assert.equal(proxied.client.tags, direct.client.tags, `seed ${seed}`)
    for (const [i, expected] of direct.texts.entries()) {
      assert.ok(proxied.texts[i] === expected, `seed ${seed}, message ${i}: ${proxied.texts[i]?.slice(0, 300)}`)
    }
    proxied.client.messages.length = 0
    proxied.client.send(query('TICK 1'), parse('', 'TICK 1'), bind('', ''), execute(''), sync)
    await proxied.client.ready(2)
    assert.equal(proxied.client.tags, 'TDCZ12DCZ', `seed ${seed}`)
    await Promise.all([direct, proxied].map(({ client }) => client[Symbol.asyncDispose]()))
  }
})

test('120 random conversations with statements of ours in them come to their end', async () => {
  for (let seed = 1; seed <= 120; seed++) {
    const { client } = await answer(testFront.port, conversation(numbers(seed), true), numbers(seed))
    client.messages.length = 0
    client.send(query('TICK 1'), parse('', 'TICK 1'), bind('', ''), execute(''), sync)
    await client.ready(2)
    assert.equal(client.tags, 'TDCZ12DCZ', `seed ${seed}`)
    await client[Symbol.asyncDispose]()
  }
  assert.deepEqual(testFront.running.all, [])
})

test('a function call, and a large value in parts, pass', async () => {
  await using client = await RawClient.open(testFront.port)
  const int4pl = message('F', [177], 1, 1, 2, [4], [20], [4], [22], 1)
  client.send(int4pl, query('TICK 1'))
  await client.ready(2)
  assert.equal(client.tags, 'VZTDCZ')
  client.messages.length = 0
  const before = process.memoryUsage.rss()
  client.send(
    parse('', 'SELECT length($1::text)'),
    bind('', '', { values: ['z'.repeat(20_000_000)] }),
    execute(''),
    sync,
  )
  await client.ready()
  assert.deepEqual(client.rows, [['20000000']])
  assert.ok(process.memoryUsage.rss() - before < 150e6)
})

test('a query string of many megabytes is read in time that grows with its length', async () => {
  await using client = await RawClient.open(testFront.port)
  const startedAtMs = Date.now()
  client.send(query(`SELECT length('${'q'.repeat(30_000_000)}')`))
  await client.ready()
  assert.deepEqual(client.rows, [['30000000']])
  assert.ok(Date.now() - startedAtMs < 10_000)
})
