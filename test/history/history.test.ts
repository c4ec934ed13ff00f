import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompletenessValidator } from '../validators/completeness.ts'
import { FingerprintValidator } from '../validators/fingerprint.ts'
import { TimeTravelValidator } from '../validators/time-travel.ts'
import type { RowNote, Validator } from '../validators/validator.ts'
import { at, historyOf, row, tag, timesOf } from './synthetic.ts'
import { parseTransactions } from './test-decoding.ts'

const one = '{"id": 1, "v": "one"}'
const two = '{"id": 1, "v": "two"}'
const other = '{"id": 2, "v": null}'

/** Inserts row 1, updates it and inserts row 2, moves row 2 to 3, deletes row 1. */
const transactions = [
  ["foo: INSERT: id[bigint]:1 v[text]:'one'"],
  [
    "foo: UPDATE: old-key: id[bigint]:1 v[text]:'one' new-tuple: id[bigint]:1 v[text]:'two'",
    'foo: INSERT: id[bigint]:2 v[text]:null',
  ],
  ['foo: UPDATE: old-key: id[bigint]:2 v[text]:null new-tuple: id[bigint]:3 v[text]:null'],
  ["foo: DELETE: id[bigint]:1 v[text]:'two'"],
]
const tags = [tag(1), tag(2), tag(3), tag(4)]
const faithful: readonly RowNote[] = [
  row(1, 1, one, 'null'),
  row(2, 1, two, one),
  row(2, 2, other, 'null'),
  row(3, 2, 'null', other),
  row(3, 3, '{"id": 3, "v": null}', 'null'),
  row(4, 1, 'null', two),
]

type Build = (history: ReturnType<typeof historyOf>) => Validator

const timeTravel: Build = (history) =>
  new TimeTravelValidator({ history: timesOf(history, tags), table: 'foo', diff: true, scanTs: undefined })
const fingerprint: Build = (history) =>
  new FingerprintValidator({ history: timesOf(history, tags), table: 'foo', partitions: [''] })
const completeness: Build = (history) => new CompletenessValidator(timesOf(history, tags), 'foo')

/** A resolved message behind every transaction's rows. */
function failuresOf(build: Build, notes: readonly RowNote[]): readonly string[] {
  const validator = build(historyOf(transactions))
  for (let n = 1; n <= 4; n++) {
    for (const note of notes) if (note.updated.wall === at(n).wall) validator.noteRow(note)
    validator.noteResolved('', at(n))
  }
  return validator.failures()
}

const without = (index: number): readonly RowNote[] => faithful.filter((_, i) => i !== index)
const changed = (index: number, note: RowNote): readonly RowNote[] =>
  faithful.map((old, i) => (i === index ? note : old))

test('a faithful stream, also repeated, satisfies all', () => {
  for (const build of [timeTravel, fingerprint, completeness]) {
    assert.deepEqual(failuresOf(build, faithful), [])
    assert.deepEqual(failuresOf(build, [...faithful, ...faithful]), [])
  }
})

test('any message that is missing shows in the fingerprints and by name', () => {
  for (const index of faithful.keys()) {
    assert.match(
      failuresOf(completeness, without(index))[0] ?? '',
      /^transaction \d at \d{19}\.\d{10} changed \[\d\] and no message says so$/,
    )
    // Fingerprints begin with the first message that is there; here the second makes up for the first.
    if (index === 0) continue
    assert.match(
      failuresOf(fingerprint, without(index))[0] ?? '',
      /^fingerprints did not match at \d{19}\.\d{10}: .+ vs .+$/,
      `message ${index}`,
    )
  }
})

test('a wrong after or before is shown with what the table held', () => {
  const ts = '1795000002000000000.0000000000'
  assert.deepEqual(failuresOf(timeTravel, changed(1, row(2, 1, one, one))), [
    `"after" field did not agree with row at ${ts}: expected {id: 1, v: "two"}, got {"id":1,"v":"one"}`,
  ])
  assert.deepEqual(failuresOf(timeTravel, changed(1, row(2, 1, two, 'null'))), [
    `"before" field did not agree with row at ${ts}: expected {id: 1, v: "one"}, got null`,
  ])
  assert.deepEqual(failuresOf(timeTravel, changed(1, row(2, 1, '{"id": 1, "v": "two", "w": 1}', one))), [
    `"after" field did not agree with row at ${ts}: expected {id: 1, v: "two"}, got {"id":1,"v":"two","w":1}`,
  ])
  assert.deepEqual(failuresOf(timeTravel, changed(5, row(4, 1, two, two))), [
    '"after" field did not agree with row at 1795000004000000000.0000000000: expected no row, got {"id":1,"v":"two"}',
  ])
})

test('before must not be there without diff, and keys must fit the table', () => {
  const plain: Build = (history) =>
    new TimeTravelValidator({ history: timesOf(history, tags), table: 'foo', diff: false, scanTs: undefined })
  assert.throws(() => failuresOf(plain, faithful), /expected before to be nil, got null/)
  assert.throws(
    () => failuresOf(timeTravel, changed(0, { ...row(1, 1, one, 'null'), key: '[1, 2]' })),
    /a key of 1 columns, got \[1, 2\]/,
  )
})

test('a row of the initial scan may have no before, and no other row', () => {
  const scan: Build = (history) =>
    new TimeTravelValidator({ history: timesOf(history, tags, true), table: 'foo', diff: true, scanTs: at(2) })
  assert.deepEqual(failuresOf(scan, [row(2, 1, two, 'null')]), [])
  assert.equal(failuresOf(scan, [row(4, 1, 'null', 'null')]).length, 1)
})

test('a key that is not the key of its row shows', () => {
  const failures = failuresOf(fingerprint, changed(0, { ...row(1, 1, one), key: '[9]' }))
  assert.match(failures[0] ?? '', /^key \[9\] did not match expected key \[1\] for value /)
})

test('a message that no transaction explains shows', () => {
  assert.deepEqual(failuresOf(completeness, [...faithful, row(3, 1, two, two)]), [
    'a message for [1] at 1795000003000000000.0000000000, and no transaction at that time changed it',
  ])
  assert.match(
    failuresOf(completeness, [...faithful, row(2, 1, one, one)])[0] ?? '',
    /^key \[1\] came twice at .* with different values/,
  )
})

test('only what all partitions have resolved is fingerprinted, and an unknown one is an error', () => {
  const history = timesOf(historyOf(transactions), tags)
  const validator = new FingerprintValidator({ history, table: 'foo', partitions: ['a', 'b'] })
  validator.noteRow({ ...row(1, 1, two), partition: 'a' })
  validator.noteResolved('a', at(1))
  assert.deepEqual(validator.failures(), [])
  validator.noteResolved('b', at(1))
  assert.equal(validator.failures().length, 1)
  assert.throws(() => validator.noteResolved('c', at(2)), /unknown partition: c/)
})

test('times: a transaction that is passed over, out of order, renamed or lost is reported', () => {
  const failures = (notes: readonly RowNote[], initialScan = false): readonly string[] => {
    const history = historyOf(transactions)
    return timesOf(history, notes, initialScan).failures()
  }
  assert.deepEqual(failures(tags), [])
  assert.deepEqual(failures([tag(1, 2), tag(2), tag(3), tag(4)], true), [])
  assert.match(failures([tag(1), tag(3), tag(4)])[0] ?? '', /^transactions 2 to 2 are missing before/)
  assert.match(
    failures([tag(1), tag(2, 5), tag(3, 4), tag(4, 6)])[0] ?? '',
    /^transaction 3 at .* committed after transaction 2 at/,
  )
  assert.match(failures([...tags, tag(2, 7)])[0] ?? '', /^transaction 2 came at .* and again at/)
  assert.match(
    failures([tag(1), tag(2), tag(3), tag(9)])[0] ?? '',
    /^tag \[9\] arrived and no committed transaction wrote it/,
  )
  assert.match(
    failures(
      [tag(1), tag(2), tag(3), tag(4)].map((note, i) =>
        i === 1 ? { ...note, updated: { wall: at(2).wall - 1n, logical: 0 } } : note,
      ),
    )[0] ?? '',
    /committed later/,
  )
  assert.match(failures([tag(2, 2), tag(3), tag(4)], true)[0] ?? '', /^the initial scan misses transactions 1 to 1/)
})

test("test_decoding's lines are read as they are written", () => {
  const [transaction] = parseTransactions(
    [
      'BEGIN 771',
      'table public."odd name": INSERT: id[bigint]:1 "a ""b"""[character varying]:\'it\'\'s: [x]\' big[text]:unchanged-toast-datum n[text[]]:\'{a,b}\'',
      "table public.foo: UPDATE: old-key: id[bigint]:1 new-tuple: id[bigint]:2 v[text]:null b[bit]:B'101'",
      'table public.foo, public.bar: TRUNCATE: (no-flags)',
      'COMMIT 771 (at 2026-11-24 06:52:57.1234+00)',
    ].map((data) => ({ lsn: '0/1', data })),
  )
  assert.equal(transaction?.commitWall, BigInt(Date.UTC(2026, 10, 24, 6, 52, 57)) * 1_000_000n + 123_400_000n)
  assert.deepEqual(transaction?.changes, [
    {
      table: 'odd name',
      op: 'insert',
      oldKey: undefined,
      after: [
        { name: 'id', type: 'bigint', text: '1', unchanged: false },
        { name: 'a "b"', type: 'character varying', text: "it's: [x]", unchanged: false },
        { name: 'big', type: 'text', text: '', unchanged: true },
        { name: 'n', type: 'text[]', text: '{a,b}', unchanged: false },
      ],
    },
    {
      table: 'foo',
      op: 'update',
      oldKey: [{ name: 'id', type: 'bigint', text: '1', unchanged: false }],
      after: [
        { name: 'id', type: 'bigint', text: '2', unchanged: false },
        { name: 'v', type: 'text', text: null, unchanged: false },
        { name: 'b', type: 'bit', text: '101', unchanged: false },
      ],
    },
    { table: 'foo', op: 'truncate', oldKey: undefined, after: undefined },
    { table: 'bar', op: 'truncate', oldKey: undefined, after: undefined },
  ])
})
