import assert from 'node:assert/strict'
import test from 'node:test'
import type { AttributeRow } from '../../core/table.ts'
import { areOlderThan, between, startsOf, type Attributes } from './layouts.ts'

const text = 25
const attribute = (attnum: number, name: string | null, xid: number): AttributeRow => [
  attnum,
  name,
  name === null ? 0 : text,
  xid,
]
const live = (lists: readonly Attributes[] | undefined): (string | null)[][] | undefined =>
  lists?.map((list) => list.flatMap(([, name]) => (name === null ? [] : [name])))

const pq: Attributes = [attribute(1, 'p', 10), attribute(2, 'q', 10)]

test('added attributes come at the end, so all that a growing type may have had is known', () => {
  const grown: Attributes = [...pq, attribute(3, 'r', 11), attribute(4, 's', 12)]
  assert.deepEqual(live(between(pq, grown)), [
    ['p', 'q'],
    ['p', 'q', 'r'],
    ['p', 'q', 'r', 's'],
  ])
  assert.deepEqual(live(startsOf(grown))?.length, 4)
})

test('one transaction that drops attributes leaves two possibilities', () => {
  assert.deepEqual(live(between(pq, [attribute(1, null, 11), attribute(2, 'q', 10)])), [['p', 'q'], ['q']])
  const swapped: Attributes = [attribute(1, null, 11), attribute(2, 'q', 10), attribute(3, 'r', 11)]
  assert.deepEqual(live(between(pq, swapped)), [
    ['p', 'q'],
    ['q', 'r'],
  ])
})

test('what no reading has shown cannot be told', () => {
  assert.equal(between(pq, [attribute(1, null, 11), attribute(2, null, 12)]), undefined)
  assert.equal(between(pq, [attribute(1, null, 11), attribute(2, 'q', 10), attribute(3, 'r', 12)]), undefined)
  assert.equal(between(pq, [...pq, attribute(3, null, 11)]), undefined)
  assert.equal(startsOf([attribute(1, null, 11), attribute(2, 'q', 10)]), undefined)
})

test('a renamed attribute is the one that it was', () => {
  assert.deepEqual(live(between(pq, [attribute(1, 'x', 11), attribute(2, 'q', 10)])), [['x', 'q']])
})

test('ids of transactions are compared as they wrap around', () => {
  assert.ok(areOlderThan(pq, 11))
  assert.ok(!areOlderThan(pq, 10))
  assert.ok(areOlderThan([attribute(1, 'p', 4_294_967_290)], 5))
})
