import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { FeedError } from '../errors/feed-error.ts'
import { LoginSlots, type LoginSlot } from './login-slots.ts'

const limits = { most: 2, mostWaiting: 2, withinMs: 30_000, silentMs: 2000 }

interface Client {
  slot: LoginSlot | undefined
  begun: boolean
  error: FeedError | undefined
}

function enter(slots: LoginSlots): Client {
  const client: Client = { slot: undefined, begun: false, error: undefined }
  const slot = slots.enter({
    begin: () => (client.begun = true),
    failed: (error) => (client.error = error),
  })
  client.slot = slot
  return client
}

test('clients beyond the limit wait for their turn, in order, and too many are refused', () => {
  const slots = new LoginSlots(limits)
  const clients = Array.from({ length: 4 }, () => enter(slots))
  assert.deepEqual(
    clients.map(({ begun }) => begun),
    [true, true, false, false],
  )
  assert.throws(() => enter(slots), { sqlstate: '53300', message: 'too many clients are logging in' })
  clients[0]?.slot?.leave()
  assert.deepEqual(
    clients.map(({ begun }) => begun),
    [true, true, true, false],
  )
  for (const { slot } of clients) slot?.leave()
  assert.equal(enter(slots).begun, true)
  assert.equal(enter(slots).begun, true)
  assert.equal(enter(slots).begun, false)
})

test('a login that takes too long ends, whether it has begun or not', () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  try {
    const slots = new LoginSlots(limits)
    const [first, , third] = Array.from({ length: 3 }, () => enter(slots))
    mock.timers.tick(29_999)
    assert.equal(first?.error, undefined)
    mock.timers.tick(1)
    assert.match(String(first?.error), /timeout/)
    assert.match(String(third?.error), /timeout|too many/)
  } finally {
    mock.timers.reset()
  }
})

test('a silent client gives way to one that waits, and to nobody else', () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  try {
    const slots = new LoginSlots(limits)
    const [silent, busy] = [enter(slots), enter(slots)]
    silent.slot?.owes(true)
    mock.timers.tick(10_000)
    assert.equal(String(silent.error), 'undefined')
    busy.slot?.owes(true)
    mock.timers.tick(1000)
    busy.slot?.owes(false)
    const third = enter(slots)
    assert.match(String(silent.error), /timeout/)
    assert.deepEqual([third.begun, busy.error], [true, undefined])
    third.slot?.owes(true)
    const fourth = enter(slots)
    assert.equal(fourth.begun, false)
    mock.timers.tick(2000)
    assert.deepEqual([fourth.begun, busy.error], [true, undefined])
    assert.match(String(third.error), /timeout/)
  } finally {
    mock.timers.reset()
  }
})
