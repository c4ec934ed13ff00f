import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseRequests, type ChooseOptions } from './choose-requests.ts'

const closed = (route: number, nextBytes = 100, nextCount = 10) => ({
  route,
  nextBytes,
  nextCount,
  hasClosed: true,
  openCount: 0,
  openBytes: 0,
})
const open = (openCount: number, openBytes: number) => ({
  route: 1,
  hasClosed: false,
  openCount,
  openBytes,
  nextBytes: openBytes,
  nextCount: openCount,
})
type TestLane = ReturnType<typeof closed>
const unlimited = Number.POSITIVE_INFINITY
const atOnce = { messages: 0, bytes: 0, frequencyMs: 0 }

function choose(waiting: readonly TestLane[], changed: Partial<ChooseOptions<TestLane>> = {}) {
  const limits = { perRoute: 2, lanes: unlimited, bytes: unlimited, messages: unlimited }
  const free = (): number => limits.perRoute
  const options = { waiting, flush: atOnce, limits, isHurried: false, free, ...changed }
  const { requests, isWaiting } = chooseRequests(options)
  return {
    requests: requests.map(({ route, lanes }) => [route, lanes.map((lane) => waiting.indexOf(lane))]),
    isWaiting,
  }
}

test('lanes with the same route share a request, within its limits and the requests that the route takes', () => {
  const lanes = [closed(1), closed(2), closed(1), closed(1), closed(1), closed(1)]
  assert.deepEqual(choose(lanes).requests, [
    [1, [0, 2, 3, 4, 5]],
    [2, [1]],
  ])
  const limits = { perRoute: 2, lanes: unlimited, bytes: unlimited, messages: unlimited }
  for (const tight of [
    { ...limits, lanes: 2 },
    { ...limits, bytes: 250 },
    { ...limits, messages: 25 },
  ]) {
    // The sixth lane waits: the route takes two requests.
    assert.deepEqual(choose(lanes, { limits: tight }).requests, [
      [1, [0, 2]],
      [2, [1]],
      [1, [3, 4]],
    ])
  }
})

test('a route that takes no request does not hold up the others', () => {
  const lanes = [closed(1), closed(2)]
  assert.deepEqual(choose(lanes, { free: (route) => (route === 1 ? 0 : 1) }), {
    requests: [[2, [1]]],
    isWaiting: false,
  })
})

test('a batch that is larger than a request may be is sent alone', () => {
  const limits = { perRoute: 4, lanes: unlimited, bytes: 50, messages: 5 }
  assert.deepEqual(choose([closed(1), closed(1)], { limits }).requests, [
    [1, [0]],
    [1, [1]],
  ])
})

test('an open batch is sent when it is large enough, when it is hurried, or when no bound lets it wait', () => {
  const flush = { messages: 10, bytes: 1000, frequencyMs: 60_000 }
  const none = { requests: [], isWaiting: true }
  const one = { requests: [[1, [0]]], isWaiting: false }
  assert.deepEqual(choose([open(9, 999)], { flush }), none)
  assert.deepEqual(choose([open(10, 1)], { flush }), one)
  assert.deepEqual(choose([open(1, 1000)], { flush }), one)
  assert.deepEqual(choose([open(1, 1)], { flush, isHurried: true }), one)
  assert.deepEqual(choose([open(1, 1)]), one)
  assert.deepEqual(choose([open(1, 1)], { flush: { ...atOnce, frequencyMs: 5 } }), none)
})
