import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PostBody } from '../../../test/support/posted-lanes.ts'
import { isBug } from '../../../test/support/walk-phases.ts'
import type { Lane } from './lane.ts'
import { Lanes } from './lanes.ts'

const message = Buffer.from('kv')

function newLane(messages = 4): { readonly lane: Lane<string, PostBody>; readonly lanes: Lanes<string, PostBody> } {
  const lanes = new Lanes<string, PostBody>({
    newBody: () => new PostBody(),
    limits: { bytes: 1000, messages },
    budgetBytes: 0,
  })
  return { lane: lanes.make('here', 1), lanes }
}

function add(lane: Lane<string, PostBody>, count: number): void {
  for (let i = 0; i < count; i++) lane.add(message, 0, 1, 2)
}

/** Number of the first message, number of messages, failed attempts. */
function start(lane: Lane<string, PostBody>): readonly number[] {
  const { first, body, failures } = lane.start()
  return [first, body.count, failures]
}

test('batches are sent in order, a failed one again before all others, and messages keep their numbers', () => {
  const { lane } = newLane()
  add(lane, 10)
  assert.deepEqual(start(lane), [0, 4, 0])
  assert.equal(lane.failed(), 1)
  add(lane, 3)
  lane.retry()
  assert.deepEqual(start(lane), [0, 4, 1])
  assert.equal(lane.failed(), 2)
  lane.retry()
  assert.deepEqual(start(lane), [0, 4, 2])
  lane.delivered()
  for (const next of [
    [4, 4, 0],
    [8, 4, 0],
    [12, 1, 0],
  ]) {
    assert.deepEqual(start(lane), next)
    lane.delivered()
  }
})

test('the halves of a batch take its place, and the first of them its failures', () => {
  const { lane } = newLane()
  add(lane, 5)
  start(lane)
  lane.failed()
  lane.retry()
  start(lane)
  assert.equal(lane.split(), true)
  assert.deepEqual(start(lane), [0, 2, 1])
  assert.equal(lane.split(), true)
  assert.deepEqual(start(lane), [0, 1, 1])
  assert.equal(lane.split(), false)
  lane.delivered()
  assert.deepEqual(start(lane), [1, 1, 0])
  lane.delivered()
  assert.deepEqual(start(lane), [2, 2, 0])
  lane.delivered()
  assert.deepEqual(start(lane), [4, 1, 0])
})

test('a lane is empty when everything is delivered, however its batches were failed and split, and memory is counted', () => {
  const { lane, lanes } = newLane()
  const { backlog } = lanes
  add(lane, 6)
  assert.deepEqual([...backlog.waiting], [lane])
  start(lane)
  assert.deepEqual([backlog.isBusy, [...backlog.waiting]], [true, []])
  lane.failed()
  assert.equal(backlog.isBusy, true)
  lane.retry()
  start(lane)
  lane.split()
  assert.deepEqual([backlog.isBusy, [...backlog.waiting]], [false, [lane]])
  for (let batches = 3; batches > 0; batches--) {
    assert.deepEqual([backlog.isOverBudget, backlog.isEmpty], [true, false])
    start(lane)
    lane.delivered()
  }
  assert.deepEqual([backlog.isOverBudget, backlog.isEmpty, backlog.isBusy], [false, true, false])
})

test('two batches of a lane on their way, or the end of one that is not, are bugs', () => {
  const { lane } = newLane()
  assert.throws(() => lane.start(), isBug(/cannot send/))
  for (const end of ['delivered', 'failed', 'retry', 'split'] as const)
    assert.throws(() => lane[end](), isBug(/no batch of the lane is on its way/))
  add(lane, 8)
  start(lane)
  assert.throws(() => lane.start(), isBug(/cannot send/))
  lane.failed()
  assert.throws(() => lane.start(), isBug(/cannot send/))
  assert.throws(() => lane.delivered(), isBug(/is backing-off cannot become delivered/))
})

test('a batch that the far end takes later is next again, before all others and without a failure', () => {
  const { lane } = newLane()
  add(lane, 6)
  assert.deepEqual(start(lane), [0, 4, 0])
  lane.postponed()
  assert.deepEqual(start(lane), [0, 4, 0])
  lane.delivered()
  assert.deepEqual(start(lane), [4, 2, 0])
})

test('however often a batch is halved, each message and its bytes are counted once', () => {
  const { lane, lanes } = newLane(8)
  add(lane, 3)
  lane.addResolved(Buffer.from('resolved'))
  const send = (): void => {
    start(lane)
    if (lane.split()) for (let halves = 0; halves < 2; halves++) send()
    else lane.delivered()
  }
  send()
  const { meter } = lanes
  assert.deepEqual([meter.value('messages'), meter.value('bytes')], [3, 3 * message.length])
  assert.deepEqual([meter.value('batchReductions'), meter.value('inFlightMessages')], [3, 0])
})
