import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseRequests, type ChooseOptions } from './choose-requests.ts'

const unlimited = Number.POSITIVE_INFINITY
const closed = (route: number, nextBytes = 100, nextCount = 10) => ({
  route,
  nextBytes,
  nextCount,
  hasClosed: true,
  openCount: 0,
  openBytes: 0,
  openedAtMs: unlimited,
})
const open = (openCount: number, openBytes: number, openedAtMs = 1000) => ({
  route: 1,
  hasClosed: false,
  openCount,
  openBytes,
  openedAtMs,
  nextBytes: openBytes,
  nextCount: openCount,
})
type TestLane = ReturnType<typeof closed>
const atOnce = { messages: 0, bytes: 0, frequencyMs: 0 }

function choose(waiting: readonly TestLane[], changed: Partial<ChooseOptions<TestLane>> = {}) {
  const limits = { perRoute: 2, lanes: unlimited, bytes: unlimited, messages: unlimited }
  const free = (): number => limits.perRoute
  const options = { waiting, flush: atOnce, limits, isHurried: false, nowMs: 1000, free, ...changed }
  const { requests, dueAtMs } = chooseRequests(options)
  return {
    requests: requests.map(({ route, lanes }) => [route, lanes.map((lane) => waiting.indexOf(lane))]),
    dueAtMs,
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
    dueAtMs: undefined,
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
  const none = { requests: [], dueAtMs: 61_000 }
  const one = { requests: [[1, [0]]], dueAtMs: undefined }
  assert.deepEqual(choose([open(9, 999)], { flush }), none)
  assert.deepEqual(choose([open(10, 1)], { flush }), one)
  assert.deepEqual(choose([open(1, 1000)], { flush }), one)
  assert.deepEqual(choose([open(1, 1)], { flush, isHurried: true }), one)
  assert.deepEqual(choose([open(1, 1)]), one)
  assert.deepEqual(choose([open(1, 1)], { flush: { ...atOnce, frequencyMs: 60_000 } }), none)
})

test('an open batch is sent when its first message is as old as the frequency says, not earlier because of other lanes', () => {
  const flush = { ...atOnce, frequencyMs: 100 }
  const lanes = [open(1, 1, 900), open(1, 1, 950), open(1, 1, 901)]
  assert.deepEqual(choose(lanes, { flush }), { requests: [[1, [0]]], dueAtMs: 1001 })
})

test('bounds of a route are those of all its lanes together', () => {
  const flush = { messages: 10, bytes: 1000, frequencyMs: 100, per: 'route' } as const
  const all = { requests: [[1, [0, 1]]], dueAtMs: undefined }
  assert.deepEqual(choose([open(4, 10), open(5, 10)], { flush }), { requests: [], dueAtMs: 1100 })
  assert.deepEqual(choose([open(4, 10), open(6, 10)], { flush }), all)
  assert.deepEqual(choose([open(1, 400), open(1, 600)], { flush }), all)
  assert.deepEqual(choose([open(1, 1, 900), open(1, 1, 999)], { flush }), all)
})
