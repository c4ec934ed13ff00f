import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration, parseDuration, parseGoDuration, parseInterval } from './duration.ts'

const second = 1_000_000_000n

const readings: readonly (readonly [string, bigint, string])[] = [
  ['0', 0n, '0s'],
  ['-0', 0n, '0s'],
  ['0s', 0n, '0s'],
  ['10s', 10n * second, '10s'],
  ['+10s', 10n * second, '10s'],
  ['-4h', -14_400n * second, '-4h0m0s'],
  ['1m30s', 90n * second, '1m30s'],
  ['500ms', 500_000_000n, '500ms'],
  ['1.5h', 5400n * second, '1h30m0s'],
  ['.5s', 500_000_000n, '500ms'],
  ['1.s', second, '1s'],
  ['336h', 336n * 3600n * second, '336h0m0s'],
  ['1500us', 1_500_000n, '1.5ms'],
  ['7ns', 7n, '7ns'],
  ['1s1ns', second + 1n, '1.000000001s'],
  ['2\u00b5s', 2000n, '2\u00b5s'],
  ['9223372036854775807ns', 0x7fffffffffffffffn, '2562047h47m16.854775807s'],
]

test("Go's duration strings are read to the nanosecond and printed as Go prints them", () => {
  for (const [text, nanos, printed] of readings) {
    assert.deepEqual(parseGoDuration(text), { tag: 'ok', nanos }, text)
    assert.equal(formatDuration(nanos), printed, text)
  }
})

test("a malformed duration is refused in Go's words", () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', 'time: invalid duration ""'],
    ['-', 'time: invalid duration "-"'],
    ['bar', 'time: invalid duration "bar"'],
    ['.s', 'time: invalid duration ".s"'],
    ['5', 'time: missing unit in duration "5"'],
    ['1h5', 'time: missing unit in duration "1h5"'],
    ['5y', 'time: unknown unit "y" in duration "5y"'],
    ['9223372036854775808ns', 'time: invalid duration "9223372036854775808ns"'],
  ]
  for (const [text, message] of cases) assert.deepEqual(parseDuration(text), { tag: 'error', message }, text)
})

test('spelled-out intervals are accepted beside duration strings', () => {
  const cases: readonly (readonly [string, bigint | undefined])[] = [
    ['10 seconds', 10n * second],
    ['1 minute 30 seconds', 90n * second],
    ['1 day', 86_400n * second],
    ['00:00:10', 10n * second],
    ['-00:00:10.5', -10_500_000_000n],
    ['1 day 02:00', 93_600n * second],
    ['-1 hour 30 minutes', -5400n * second],
    ['1.5 hours', 5400n * second],
    ['1 month', undefined],
    ['10', undefined],
    ['seconds', undefined],
    ['', undefined],
  ]
  for (const [text, nanos] of cases) assert.equal(parseInterval(text), nanos, text)
  assert.deepEqual(parseDuration('10 seconds'), { tag: 'ok', nanos: 10n * second })
})

test('a printed duration reads back as itself', () => {
  let state = 12345n
  for (let round = 0; round < 2000; round++) {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn
    const nanos = (state >> 1n) >> (state % 60n)
    assert.deepEqual(parseGoDuration(formatDuration(nanos)), { tag: 'ok', nanos })
  }
})
