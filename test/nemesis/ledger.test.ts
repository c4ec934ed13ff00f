// The ledger finds what it is there for.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RowNote } from '../validators/validator.ts'
import { Ledger } from './ledger.ts'

/** A row is written under its first key, the key moves, and it is written again; then one transaction is rolled back. */
function written(): Ledger {
  const ledger = new Ledger()
  ledger.begin()
  ledger.write(ledger.next(), '[5]', { v: '1' })
  ledger.write(ledger.next(), '[5]', { v: '2' })
  ledger.write(ledger.next(), '[-5]', { v: '3' })
  ledger.committed()
  ledger.begin()
  ledger.write(ledger.next(), '[5]', { 'c.x': '4' })
  ledger.committed()
  ledger.begin()
  ledger.write(ledger.next(), '[5]', { v: '5' })
  return ledger
}

function note(s: number, key: string, wall: number, rest = `"v": ${s}`): RowNote {
  return {
    partition: '',
    topic: 't',
    key,
    value: `{"after": {"s": ${s}, ${rest}}}`,
    updated: { wall: BigInt(wall), logical: 0 },
  }
}

const second = note(2, '[5]', 1)
const third = note(3, '[-5]', 1)
const fourth = note(4, '[5]', 2, '"c": {"x": 4}')
const judge = (...notes: readonly RowNote[]): readonly string[] => written().judge(notes, 'none')

test('what was committed, once for each key, is right, also when it comes again', () => {
  assert.deepEqual(judge(second, third, fourth), [])
  assert.deepEqual(judge(second, third, fourth, second, third, fourth), [])
})

test('every fault shows', () => {
  for (const [notes, failure] of [
    [[second, fourth], /^write 3 of \[-5\] was committed and is missing$/],
    [[second, note(3, '[5]', 1), fourth], /^write 3 was under \[-5\] and came under \[5\]$/],
    [[second, third, fourth, note(5, '[5]', 3)], /^write 5 was rolled back and came/],
    [[note(1, '[5]', 1), second, third, fourth], /^write 1 is not the last of its transaction/],
    [[second, note(3, '[-5]', 2), fourth], /^write 3 came at .*, others of its transaction at/],
    [[fourth, second, third], /^write 2 of \[5\] came behind a later one$/],
    [[second, third, note(4, '[5]', 2, '"c": {"x": -4}')], /^write 4 has c\.x 4 and came as/],
    [[second, third, fourth, note(9, '[5]', 2)], /^nobody wrote/],
  ] as const) {
    const failures = judge(...notes)
    assert.equal(failures.length, 1, String(failures))
    assert.match(failures[0] ?? '', failure)
  }
})

test('rows come again at the time of a schema change, under the key that they then have, and at no other time', () => {
  const changed = (): Ledger => {
    const ledger = written()
    ledger.begin()
    ledger.schemaChanged()
    ledger.write(ledger.next(), '[7]', { v: '6' })
    ledger.committed()
    return ledger
  }
  const sixth = note(6, '[7]', 3)
  const again = note(4, '[-5]', 3, '"c": {"x": 0}')
  const faithful = [second, third, fourth, again, sixth]
  assert.deepEqual(changed().judge(faithful, 'own'), [])
  assert.equal(changed().judge(faithful, 'none').length, 3)
  const elsewhere = [...faithful, note(4, '[-5]', 4)]
  assert.match(
    changed().judge(elsewhere, 'own')[0] ?? '',
    /^write 4 came again at 4\..*, and no schema change is known/,
  )
  assert.deepEqual(changed().judge(elsewhere, 'any'), [])
  assert.match(changed().judge([second, third, fourth, again], 'own')[0] ?? '', /no schema change|is missing/)
})
