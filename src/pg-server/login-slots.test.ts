import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { FeedError } from '../errors/feed-error.ts'
import { LoginSlots, type LoginSlot } from './login-slots.ts'

const limits = { most: 2, mostWaiting: 4, withinMs: 30_000, silentMs: 2000 }

interface Client {
  slot: LoginSlot | undefined
  begun: boolean
  error: FeedError | undefined
}

function enter(slots: LoginSlots, address = 'a'): Client {
  const client: Client = { slot: undefined, begun: false, error: undefined }
  const slot = slots.enter({
    address,
    begin: () => (client.begun = true),
    failed: (error) => (client.error = error),
  })
  client.slot = slot
  return client
}

const begun = (clients: readonly Client[]): string => clients.map((client) => (client.begun ? 'x' : '.')).join('')
const refused = (clients: readonly Client[]): string => clients.map(({ error }) => (error ? 'x' : '.')).join('')

test('clients beyond the limit wait for their turn, in order', () => {
  const slots = new LoginSlots(limits)
  const clients = Array.from({ length: 4 }, () => enter(slots))
  assert.equal(begun(clients), 'xx..')
  clients[0]?.slot?.leave()
  assert.equal(begun(clients), 'xxx.')
  for (const { slot } of clients) slot?.leave()
  assert.equal(begun([enter(slots), enter(slots), enter(slots)]), 'xx.')
})

test('of too many clients the oldest of the address with most of them is refused, and others come first', () => {
  const slots = new LoginSlots(limits)
  const many = Array.from({ length: 6 }, () => enter(slots))
  const other = enter(slots, 'b')
  assert.equal(refused(many), '..x...')
  assert.deepEqual(many[2]?.error?.sqlstate, '53300')
  many[0]?.slot?.leave()
  assert.equal(begun([...many, other]), 'xx....x')
})

test('one address can be kept out by nobody: among hundreds that wait the newest is first', () => {
  const slots = new LoginSlots(limits)
  const many = Array.from({ length: 6 }, () => enter(slots))
  const late = enter(slots)
  many[0]?.slot?.leave()
  assert.deepEqual([late.begun, late.error], [true, undefined])
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
