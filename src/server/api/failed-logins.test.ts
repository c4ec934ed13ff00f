import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FailedLogins } from './failed-logins.ts'

test('after five wrong passwords an address and a role wait, each time twice as long, and a right one forgets them', () => {
  let nowMs = 0
  const logins = new FailedLogins(() => nowMs)
  for (let i = 0; i < 5; i++) {
    assert.equal(logins.waitMs('a', 'ann'), 0)
    logins.failed('a', 'ann')
  }
  assert.equal(logins.waitMs('a', 'ann'), 2000)
  assert.equal(logins.waitMs('a', 'bob'), 2000, 'another role from the same address')
  assert.equal(logins.waitMs('b', 'ann'), 2000, 'the same role from another address')
  assert.equal(logins.waitMs('b', 'bob'), 0)
  nowMs += 2000
  assert.equal(logins.waitMs('a', 'ann'), 0)
  logins.failed('a', 'ann')
  assert.equal(logins.waitMs('a', 'ann'), 4000)
  logins.succeeded('a', 'ann')
  assert.equal(logins.waitMs('a', 'ann'), 0)
})

test('nobody waits for more than five minutes, and a quarter of an hour without a try forgets everything', () => {
  let nowMs = 0
  const logins = new FailedLogins(() => nowMs)
  for (let i = 0; i < 100; i++) logins.failed('a', 'ann')
  assert.equal(logins.waitMs('a', 'ann'), 300_000)
  assert.equal(logins.waitMs('b', 'ann'), 30_000)
  nowMs = 900_000
  assert.equal(logins.waitMs('a', 'ann'), 0)
})

test('a try that nobody has answered is given back, and those before it still count', () => {
  const failed = new FailedLogins(() => 0)
  for (let i = 0; i < 20; i++) {
    failed.failed('10.0.0.1', 'ann')
    failed.takeBack('10.0.0.1', 'ann')
  }
  assert.equal(failed.waitMs('10.0.0.1', 'ann'), 0)
  for (let i = 0; i < 5; i++) failed.failed('10.0.0.1', 'ann')
  failed.failed('10.0.0.1', 'ann')
  failed.takeBack('10.0.0.1', 'ann')
  assert.ok(failed.waitMs('10.0.0.1', 'ann') > 0)
})
