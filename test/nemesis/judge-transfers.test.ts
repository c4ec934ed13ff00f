import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Keeping } from './cluster.ts'
import { judgeTransfers, type JudgedTransfers } from './judge-transfers.ts'

/** Each of the numbers was committed within its ten milliseconds. */
function judge(
  judged: Partial<JudgedTransfers['reader']>,
  done: readonly number[],
  keeping?: Keeping,
): readonly string[] {
  const reader = { numbers: new Map<number, number>(), numbersBefore: new Set<number>(), resolveds: [], ...judged }
  const times = new Map([1, 2, 3, 4, 5].map((n) => [n, { from: n * 10, to: n * 10 + 9 }]))
  return judgeTransfers({ reader, transfers: { times }, done: new Set(done), unseen: new Set([5]), keeping }).failures
}

test('a transfer that is there must come before a later resolved timestamp', () => {
  const resolveds = [5, 20, 30]
  const came = (...numbers: readonly (readonly [number, number])[]): Partial<JudgedTransfers['reader']> => ({
    resolveds,
    numbers: new Map(numbers),
  })
  assert.deepEqual(judge(came([1, 1], [2, 2]), [1, 2, 3]), [])
  assert.match(judge(came([2, 2]), [1, 2]).join(), /^transfer 1, .*did not come, and 20 was resolved$/)
  assert.match(judge(came([1, 2], [2, 2]), [1, 2]).join(), /^transfer 1, .*came after 20 was resolved, and 20 was/)
})

test('what a promotion has lost may have come before a gap, and never where the standby has all that comes', () => {
  assert.deepEqual(judge({ numbersBefore: new Set([1]) }, [], 'asynchronous'), [])
  assert.match(judge({ numbersBefore: new Set([1]) }, [], 'synchronized').join(), /^transfer 1, .*did not have, came$/)
  assert.match(judge({ numbers: new Map([[1, 0]]) }, [], 'asynchronous').join(), /^transfer 1, .*without a gap$/)
  assert.match(judge({ numbersBefore: new Set([5]) }, [], 'asynchronous').join(), /^transfer 5 of a former primary/)
})
