import fc from 'fast-check'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applySplices, type Splice } from './splices.ts'
import { characters, typedPosition } from './typed-position.ts'

/** The typed text from the position that `found` has in the sent one. */
function typedFrom(typed: string, splices: readonly Splice[], found: string, start = 0): string {
  const sent = applySplices(typed, splices, start)
  const position = characters(sent, 0, sent.indexOf(found)) + 1
  return Array.from(typed)
    .slice(typedPosition(typed, start, splices, position) - 1)
    .join('')
}

const typed = 'SELECT é😀, a::STRING, b::INT, nosuch'
const splices = [
  { start: typed.indexOf('INT'), end: typed.indexOf('INT') + 3, text: 'int8' },
  { start: typed.indexOf('STRING'), end: typed.indexOf('STRING') + 6, text: 'text' },
]

test('a position outside the splices is the same place in what was typed', () => {
  assert.equal(typedFrom(typed, splices, 'a::'), 'a::STRING, b::INT, nosuch')
  assert.equal(typedFrom(typed, splices, 'b::'), 'b::INT, nosuch')
  assert.equal(typedFrom(typed, splices, 'nosuch'), 'nosuch')
})

test('a position inside a splice is where the splice begins', () => {
  assert.equal(typedFrom(typed, splices, 'text'), 'STRING, b::INT, nosuch')
  assert.equal(typedFrom(typed, splices, 'xt'), 'STRING, b::INT, nosuch')
  assert.equal(typedFrom(typed, splices, 't8'), 'INT, nosuch')
})

test('the end stays the end, and without splices only the start counts', () => {
  const sent = applySplices(typed, splices)
  assert.equal(typedPosition(typed, 0, splices, characters(sent) + 1), characters(typed) + 1)
  assert.equal(typedPosition('😀; SELECT x', 4, [], 1), 4)
  assert.equal(typedPosition('abc', 0, [], 1), 1)
})

test('positions count from the start of the whole query string', () => {
  const whole = `SELECT '😀'; ${typed}`
  const by = whole.length - typed.length
  const moved = splices.map(({ start, end, text }) => ({ start: start + by, end: end + by, text }))
  assert.equal(typedFrom(whole, moved, 'nosuch', by), 'nosuch')
})

test('every character that stays keeps its place', () => {
  const unit = fc.constantFrom('a', 'é', '表', '😀')
  fc.assert(
    fc.property(fc.array(fc.tuple(unit, fc.option(fc.string({ maxLength: 3 })))), fc.nat(3), (all, skipped) => {
      const text = all.map(([char]) => char).join('')
      const start = all.slice(0, skipped).reduce((length, [char]) => length + char.length, 0)
      const cuts: Splice[] = []
      // For each character that stays: where it is typed and where it is sent.
      const kept: [number, number][] = []
      let offset = 0
      let sent = 1
      for (const [i, [char, replacement]] of all.entries()) {
        if (i >= skipped && replacement === null) kept.push([i + 1, sent++])
        if (i >= skipped && replacement !== null) {
          cuts.push({ start: offset, end: offset + char.length, text: replacement })
          sent += characters(replacement)
        }
        offset += char.length
      }
      for (const [place, position] of kept) assert.equal(typedPosition(text, start, cuts, position), place)
    }),
    { seed: 11, numRuns: 2000 },
  )
})

test('characters are code points, and half of one counts by itself', () => {
  assert.equal(characters('a😀é'), 3)
  assert.equal(characters('😀😀', 2), 1)
  assert.equal(characters('\ud83d\ud83d'), 2)
  assert.equal(characters(''), 0)
})
