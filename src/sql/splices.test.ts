import fc from 'fast-check'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applySplices, joinSplices, moveSplices, type Splice } from './splices.ts'

test('splices change their places only, in whatever order they come', () => {
  assert.equal(
    applySplices('abcdef', [
      { start: 4, end: 6, text: 'Z' },
      { start: 0, end: 1, text: '' },
      { start: 2, end: 2, text: '++' },
    ]),
    'b++cdZ',
  )
  assert.equal(applySplices('abc', []), 'abc')
})

test('a part of a text takes splices that speak of the whole', () => {
  assert.equal(applySplices('abcdef', [{ start: 2, end: 3, text: 'X' }], 1, 5), 'bXde')
})

test('two splices at one place come in the order given', () => {
  const at = (text: string): Splice => ({ start: 1, end: 1, text })
  assert.equal(applySplices('ab', [at('1'), at('2')]), 'a12b')
})

test('splices move together', () => {
  assert.deepEqual(moveSplices([{ start: 1, end: 2, text: 'x' }], 3), [{ start: 4, end: 5, text: 'x' }])
})

test('two rounds of splices are one, and the words of the first stay', () => {
  const first = [{ start: 2, end: 4, text: '[long]' }]
  const second = [
    { start: 0, end: 1, text: 'A' },
    { start: 3, end: 7, text: 'never' },
    { start: 9, end: 10, text: 'FF' },
  ]
  assert.equal(applySplices('abcdef', first), 'ab[long]ef')
  assert.equal(applySplices('abcdef', joinSplices(first, second)), 'Ab[long]eFF')
})

test('one joined round gives what two rounds give', () => {
  // Gaps and lengths in turn make splices that do not meet.
  const splices = (length: number): fc.Arbitrary<Splice[]> =>
    fc.array(fc.tuple(fc.nat(4), fc.nat(3), fc.string({ maxLength: 3 })), { maxLength: 5 }).map((all) => {
      let at = 0
      return all.flatMap(([gap, size, text]) => {
        const start = at + gap + 1
        at = start + size
        return at < length ? [{ start, end: at, text }] : []
      })
    })
  fc.assert(
    fc.property(fc.string({ minLength: 5, maxLength: 30 }), splices(30), splices(60), (sql, one, two) => {
      const first = one.filter(({ end }) => end <= sql.length)
      const middle = applySplices(sql, first)
      const places = made(first)
      const second = two.filter(
        ({ start, end }) => end <= middle.length && places.every(([from, to]) => end < from || start > to),
      )
      assert.equal(applySplices(sql, joinSplices(first, second)), applySplices(middle, second))
    }),
    { seed: 7, numRuns: 2000 },
  )
})

/** Where the words of splices lie in the text they make. */
function made(splices: readonly Splice[]): [number, number][] {
  let grown = 0
  return splices.map(({ start, end, text }) => {
    const from = start + grown
    grown += text.length - (end - start)
    return [from, from + text.length]
  })
}
