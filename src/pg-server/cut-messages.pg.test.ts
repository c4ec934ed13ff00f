// Messages cut anywhere, statements that are left or cancelled at any moment: what comes next is answered.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '../../test/support/until.ts'
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
import { TestFront } from '../../test/support/test-front.ts'
import { pipeline } from '../../test/support/pipeline.ts'

let testFront: TestFront
before(async () => {
  testFront = await TestFront.start()
})
after(async () => testFront[Symbol.asyncDispose]())

test('messages sent byte by byte are answered as if they came together', async () => {
  await using whole = await RawClient.open(testFront.port)
  await using cut = await RawClient.open(testFront.port)
  const messages = [
    parse('', 'TICK $1'),
    bind('', '', { values: ['2'] }),
    describe('P', ''),
    execute('', 1),
    execute(''),
    parse('', 'SELECT $1::text'),
    bind('', '', { values: ['é'] }),
    execute(''),
    sync,
    query('SELECT 1; TICK 1'),
  ]
  await pipeline(whole, messages, 2)
  for (const byte of Buffer.concat(messages)) {
    cut.socket.write(Buffer.of(byte))
    await new Promise(setImmediate)
  }
  await cut.ready(2)
  assert.deepEqual(
    Buffer.concat(cut.messages.map(({ bytes }) => bytes)),
    Buffer.concat(whole.messages.map(({ bytes }) => bytes)),
  )
})

test('a portal that is closed while it waits for rows is left at once, wherever its messages are cut', async () => {
  await using client = await RawClient.open(testFront.port)
  const opened = [parse('', 'HOLD'), bind('c', ''), describe('P', 'c'), flush]
  const fetched = Buffer.concat([execute('c', 100), flush])
  const left = Buffer.concat([close('P', 'c'), sync, query('SELECT 1')])
  const whole = Buffer.concat([fetched, left])
  for (let at = 0; at <= whole.length; at++) {
    client.messages.length = 0
    client.send(...opened)
    await client.until('T')
    client.send(whole.subarray(0, at))
    await new Promise(setImmediate)
    client.send(whole.subarray(at))
    await client.ready(2)
    assert.equal(client.tags, '12Ts3ZTDCZ', `cut at ${at}`)
  }
  // Asked for together, the rows come first.
  assert.equal(
    await pipeline(client, [parse('', 'TICK 5'), bind('c', ''), execute('c', 3), close('P', 'c'), sync]),
    '12DDDs3Z',
  )
  await until('all have ended', 5000, () => testFront.running.all.length === 0 || undefined)
})

test('a client may leave a running statement in the middle of any message', async () => {
  const parts = [parse('', 'HOLD'), bind('c', ''), execute('c', 1), flush, close('P', 'c'), sync, message('X')]
  const whole = Buffer.concat(parts)
  for (let at = 1; at <= whole.length; at += 3) {
    await using client = await RawClient.open(testFront.port)
    client.send(whole.subarray(0, at))
    await new Promise(setImmediate)
    client.socket.end()
    await client.closed()
  }
  await until('all have ended', 5000, () => testFront.running.all.length === 0 || undefined)
})

test('a cancel at any moment ends the statement or comes too late, and does not end the next statement', async () => {
  await using client = await RawClient.open(testFront.port)
  for (let round = 0; round < 60; round++) {
    client.messages.length = 0
    client.send(parse('', 'TICK FOREVER'), bind('', ''), execute('', round % 2 === 0 ? 0 : 50), sync)
    // The cancel comes at a random moment.
    if (round % 3 > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 5))
    for (const { id } of testFront.running.all) testFront.running.cancel(id)
    if (round % 2 === 0) {
      await until('it is cancelled', 5000, () => {
        for (const { id } of testFront.running.all) testFront.running.cancel(id)
        return client.tags.includes('Z') || undefined
      })
    } else await client.ready()
    assert.equal(await pipeline(client, [query('SELECT 1')]), 'TDCZ')
  }
})

test('a stream that is left anywhere answers the next query: before, during and after its rows, cancelled or not', async () => {
  await using client = await RawClient.open(testFront.port)
  const random = (below: number): number => Math.floor(Math.random() * below)
  const texts = ['HOLD', 'TICK FOREVER', 'TICK 500', 'SELECT generate_series(1, 20000)', 'FAIL', 'REWRITTEN SELECT 1']
  for (let round = 0; round < 150; round++) {
    const text = texts[random(texts.length)] as string
    const inTransaction = random(3) === 0
    const steps: string[] = [text]
    client.messages.length = 0
    if (inTransaction) client.send(query('BEGIN'))
    // As drivers of streams do: every fetch is asked for with a Flush, and the end is a Close and a Sync.
    client.send(parse('', text), bind('c', ''), describe('P', 'c'), flush)
    for (let fetches = random(4); fetches > 0; fetches--) {
      // The fetch comes at a random moment.
      if (random(2) === 0) await new Promise((resolve) => setTimeout(resolve, random(15)))
      const had = client.messages.length
      const rows = 1 + random(200)
      client.send(execute('c', rows), flush)
      steps.push(`fetch ${rows}`)
      // A driver does not ask for more before it has these, but it may leave.
      if (random(3) === 0 || text === 'HOLD') break
      await until('rows, an end or an error', 5000, () => /[sCE]/.test(client.tags.slice(had)) || undefined)
      if (client.tags.includes('E')) break
    }
    if (random(3) === 0) {
      for (const { id } of testFront.running.all) testFront.running.cancel(id)
      steps.push('cancel')
    }
    client.send(close('P', 'c'), sync, query('ROLLBACK'), query('SELECT 1'))
    await client.ready(inTransaction ? 4 : 3).catch((error: unknown) => assert.fail(`${steps.join(', ')}: ${error}`))
    assert.match(client.tags, /TDCZ$/, steps.join(', '))
  }
  await until('all have ended', 5000, () => testFront.running.all.length === 0 || undefined)
})
