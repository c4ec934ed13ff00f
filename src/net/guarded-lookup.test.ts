import assert from 'node:assert/strict'
import dns from 'node:dns'
import { connect, createServer, isIP, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { syncBuiltinESMExports } from 'node:module'
import { test } from 'node:test'
import { FeedError } from '../errors/feed-error.ts'
import { guardedLookup, guardSocket, metadataGuard, type AddressGuard, type Resolve } from './guarded-lookup.ts'

test('a name is refused when one of its addresses is, and the connection is not made', async () => {
  let connections = 0
  const server = createServer(() => (connections += 1))
  server.listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const dial = async (guard: AddressGuard, isOwn = false): Promise<void> => {
    const socket = connect({ host: 'localhost', port, ...(isOwn ? {} : { lookup: guardedLookup(guard) }) })
    if (isOwn) guardSocket(socket, guard)
    try {
      await once(socket, 'connect')
    } finally {
      socket.destroy()
    }
  }
  try {
    const seen: string[] = []
    const guard: AddressGuard = (address) => {
      seen.push(address)
      return new FeedError('FEED_PRIVILEGE', `${address} is refused`)
    }
    await assert.rejects(dial(guard), /^FeedError: (?:127\.0\.0\.1|::1) is refused$/)
    await assert.rejects(dial(guard, true), /^FeedError: (?:127\.0\.0\.1|::1) is refused$/)
    assert.ok(seen.length > 1)
    assert.equal(connections, 0)
    await dial(() => undefined, true)
    await dial(() => undefined)
    await assert.rejects(
      dial(() => new FeedError('FEED_PRIVILEGE', 'no')),
      /no/,
    )
  } finally {
    server.close()
  }
})

test('who asks for the same name at the same time waits for one answer', async (t) => {
  const answers: (() => void)[] = []
  const mocked = t.mock.method(
    dns,
    'lookup',
    (_host: string, _options: object, callback: (...result: unknown[]) => void) =>
      answers.push(() => callback(null, [{ address: '127.0.0.1', family: 4 }])),
  )
  syncBuiltinESMExports()
  try {
    const lookup = guardedLookup(() => undefined)
    const ask = (host: string): Promise<string> =>
      new Promise((resolve) => lookup(host, { family: 4 }, (_error, address) => resolve(String(address))))
    const asked = ['a.example', 'a.example', 'b.example', 'a.example'].map(ask)
    assert.equal(mocked.mock.callCount(), 2)
    for (const answer of answers.splice(0)) answer()
    assert.deepEqual(new Set(await Promise.all(asked)), new Set(['127.0.0.1']))
    void ask('a.example')
    assert.equal(mocked.mock.callCount(), 3, 'an answer is not kept')
  } finally {
    t.mock.restoreAll()
    syncBuiltinESMExports()
  }
})

test('metadata services are refused unless they are allowed', () => {
  assert.match(metadataGuard({})('169.254.169.254')?.message ?? '', /metadata service of a cloud/)
  assert.equal(metadataGuard({})('127.0.0.1'), undefined)
  assert.equal(metadataGuard({ mayReachMetadata: true })('169.254.169.254'), undefined)
})

test('a name that has the address of a metadata service is refused, also if another address of it is harmless', async () => {
  for (const addresses of [
    ['169.254.169.254'],
    ['203.0.113.1', '169.254.170.2'],
    ['fd00:ec2::254'],
    ['::ffff:169.254.169.254'],
    ['64:ff9b::a9fe:a9fe'],
    ['2001:db8::1', 'fd20:ce::254'],
  ]) {
    const found = addresses.map((address) => ({ address, family: isIP(address) }))
    const resolve: Resolve = (_name, _options, answer) => answer(null, found)
    const socket = connect({ host: 'harmless.example', port: 80, lookup: guardedLookup(metadataGuard({}), resolve) })
    await assert.rejects(once(socket, 'connect'), /^FeedError: sinks may not reach .*metadata service of a cloud/)
  }
})
