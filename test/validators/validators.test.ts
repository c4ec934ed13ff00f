// A validator that never objects proves nothing: each must object to the stream that breaks its promise, and to no other.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompositeValidator } from './composite.ts'
import { CountingValidator } from './counting.ts'
import { ForTopicValidator } from './for-topic.ts'
import { KeyInValueValidator } from './key-in-value.ts'
import { MvccTimestampValidator } from './mvcc-timestamp.ts'
import { noOpValidator } from './no-op.ts'
import { OrderValidator } from './order.ts'
import { BeforeAfterValidator } from './before-after.ts'
import { SnapshotValidator } from './snapshot.ts'
import { TopicValidator } from './topic.ts'
import type { RowNote, Validator } from './validator.ts'

const ts = (wall: number): RowNote['updated'] => ({ wall: BigInt(wall), logical: 0 })

/** `[key, time, value?, partition?]` is a row, a number a resolved message, `[number, partition]` one of a partition. */
type Note = readonly [string, number, string?, string?] | number | readonly [number, string]

function failuresOf(validator: Validator, notes: readonly Note[]): readonly string[] {
  for (const note of notes) {
    if (typeof note === 'number') validator.noteResolved('p', ts(note))
    else if (typeof note[0] === 'number') validator.noteResolved(note[1] as string, ts(note[0]))
    else {
      const [key, wall, value = '{"after": null}', partition = 'p'] = note as readonly [
        string,
        number,
        string?,
        string?,
      ]
      validator.noteRow({ partition, topic: 'foo', key, value, updated: ts(wall) })
    }
  }
  return validator.failures()
}

test('the order validator accepts repetitions and lagging resolved messages', () => {
  const fine: Note[] = [['[1]', 1], ['[1]', 2], ['[1]', 1], ['[1]', 2], ['[2]', 1], 2, ['[1]', 1], 1, ['[1]', 3]]
  assert.deepEqual(failuresOf(new OrderValidator(), fine), [])
  assert.deepEqual(failuresOf(new OrderValidator({ strict: true }), fine), [])
})

test('the order validator objects to a new version below one that was seen, once', () => {
  const late = 'topic foo partition p: saw new row timestamp 1.0000000000 after 2.0000000000 was seen'
  assert.deepEqual(
    failuresOf(new OrderValidator(), [
      ['[1]', 2],
      ['[1]', 1],
      ['[1]', 1],
    ]),
    [late],
  )
})

test('the order validator objects to a new row below a resolved timestamp of its partition', () => {
  const late = 'topic foo partition p: saw new row timestamp 1.0000000000 after 2.0000000000 was resolved'
  assert.deepEqual(failuresOf(new OrderValidator(), [2, 1, ['[1]', 1]]), [late])
  assert.deepEqual(
    failuresOf(new OrderValidator(), [
      [2, 'other'],
      ['[1]', 1],
    ]),
    [],
  )
  assert.deepEqual(failuresOf(new OrderValidator(), [['[1]', 3], 2, ['[1]', 1]]), [
    'topic foo partition p: saw new row timestamp 1.0000000000 after 3.0000000000 was seen',
    late,
  ])
})

test('only the strict order validator objects to a new row at a resolved timestamp', () => {
  const notes: Note[] = [2, ['[1]', 2]]
  assert.deepEqual(failuresOf(new OrderValidator(), notes), [])
  assert.deepEqual(failuresOf(new OrderValidator({ strict: true }), notes), [
    'topic foo partition p: saw new row timestamp 2.0000000000 after 2.0000000000 was resolved',
  ])
})

test('the order validator objects to a key on two partitions', () => {
  const notes: Note[] = [
    ['[1]', 1],
    ['[1]', 2, '', 'q'],
  ]
  assert.deepEqual(failuresOf(new OrderValidator(), notes), ['key [[1]] received on two partitions: p and q'])
})

test('the MVCC timestamp is there, not later than updated and not an hour earlier', () => {
  const wall = 1_700_000_000_000_000_000
  const value = (mvcc: bigint): string => `{"after": null, "mvcc_timestamp": "${mvcc}.0000000000"}`
  const of = (text: string): readonly string[] => failuresOf(new MvccTimestampValidator(), [['[1]', wall, text]])
  const updated = `${wall}.0000000000`
  assert.deepEqual(of(value(BigInt(wall))), [])
  assert.deepEqual(of('{"after": null}'), ['expected MVCC timestamp, got nil'])
  const later = BigInt(wall) + 1n
  assert.deepEqual(of(value(later)), [
    `expected MVCC timestamp to be earlier or equal to updated timestamp (${updated}), got ${later}.0000000000`,
  ])
  const old = BigInt(wall) - 3_600_000_000_001n
  assert.deepEqual(of(value(old)), [
    `expected MVCC timestamp to be within an hour of updated timestamp (${updated}), got ${old}.0000000000`,
  ])
})

test('the key in the value is the key of the message', () => {
  const of = (value: string): readonly string[] => failuresOf(new KeyInValueValidator(), [['[1, "a"]', 1, value]])
  assert.deepEqual(of('{"after": null, "key": [1,"a"]}'), [])
  assert.deepEqual(of('{"after": null}'), ['no key in value, expected key value [1, "a"]'])
  assert.deepEqual(of('{"key": [2, "a"]}'), ['key in value [2,"a"] does not match expected key value [1,"a"]'])
})

test('the topic is the table, or its full name', () => {
  assert.deepEqual(failuresOf(new TopicValidator({ table: 'foo' }), [['[1]', 1]]), [])
  assert.deepEqual(failuresOf(new TopicValidator({ table: 'foo', database: 'd' }), [['[1]', 1]]), [
    'topic foo does not match expected table d.public.foo',
  ])
})

test('before is the after of the version before it', () => {
  const first = '{"after": {"a": 1}, "before": null}'
  const second = '{"after": {"a": 2}, "before": {"a": 1}}'
  assert.deepEqual(
    failuresOf(new BeforeAfterValidator(), [
      ['[1]', 1, first],
      ['[1]', 2, second],
      ['[1]', 1, first],
    ]),
    [],
  )
  assert.deepEqual(
    failuresOf(new BeforeAfterValidator(), [
      ['[1]', 1, first],
      ['[1]', 2, '{"after": {"a": 2}, "before": null}'],
    ]),
    ['foo [1] at 2.0000000000: before is null, the version before it was {"a":1}'],
  )
  assert.deepEqual(failuresOf(new BeforeAfterValidator(), [['[1]', 1, '{"after": null}']]), [
    'foo [1]: no before in {"after": null}',
  ])
})

test('a resolved timestamp that tears a transaction in two breaks the sum', () => {
  const account = (n: number): string => `{"after": {"balance": ${n}}}`
  const start: Note[] = [['[1]', 1, account(50)], ['[2]', 1, account(50)], 1]
  const whole: Note[] = [['[1]', 2, account(20)], ['[2]', 2, account(80)], 2]
  assert.deepEqual(failuresOf(new SnapshotValidator('foo', 'balance', 100n), [...start, ...whole]), [])
  const torn: Note[] = [['[1]', 2, account(20)], 2, ['[2]', 2, account(80)]]
  assert.deepEqual(failuresOf(new SnapshotValidator('foo', 'balance', 100n), [...start, ...torn]), [
    'at 2.0 the balances sum to 70, not to 100',
  ])
})

test('a composite gives the failures of all; what cannot be judged throws', () => {
  const composite = new CompositeValidator([new OrderValidator(), new TopicValidator({ table: 'bar' }), noOpValidator])
  assert.equal(
    failuresOf(composite, [
      ['[1]', 2],
      ['[1]', 1],
    ]).length,
    3,
  )
  assert.throws(() => failuresOf(new KeyInValueValidator(), [['[1]', 1, 'no JSON']]))
})

test('counting counts rows behind resolved messages, and topics are told apart', () => {
  const counting = new CountingValidator(noOpValidator)
  failuresOf(counting, [1, ['[1]', 2], ['[1]', 3], 3, 4, ['[1]', 5], 5, ['[1]', 6]])
  const { rows, resolved, resolvedWithRows, resolvedRows, rowsSinceResolved } = counting
  assert.deepEqual(
    { rows, resolved, resolvedWithRows, resolvedRows, rowsSinceResolved },
    {
      rows: 4,
      resolved: 4,
      resolvedWithRows: 2,
      resolvedRows: 3,
      rowsSinceResolved: 1,
    },
  )
  assert.deepEqual(
    failuresOf(new ForTopicValidator('bar', new OrderValidator()), [
      ['[1]', 2],
      ['[1]', 1],
    ]),
    [],
  )
  assert.equal(
    failuresOf(new ForTopicValidator('foo', new OrderValidator()), [
      ['[1]', 2],
      ['[1]', 1],
    ]).length,
    1,
  )
})
