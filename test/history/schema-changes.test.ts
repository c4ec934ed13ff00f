// The oracle of schema changes, over hand-made histories: a faithful feed satisfies it, and each fault shows.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prevHlc } from '../../src/core/hlc.ts'
import { BackfillValidator, type SchemaOptions } from '../validators/backfill.ts'
import { CompletenessValidator } from '../validators/completeness.ts'
import { CompositeValidator } from '../validators/composite.ts'
import { FingerprintValidator } from '../validators/fingerprint.ts'
import { SchemaValidator } from '../validators/schema.ts'
import { TimeTravelValidator } from '../validators/time-travel.ts'
import type { RowNote } from '../validators/validator.ts'
import { at, ddl, historyOf, row, tag, timesOf, untagged } from './synthetic.ts'
import type { Reach } from './schema-ledger.ts'

const old = { id: 'bigint', v: 'text' }
const added = { ...old, w: 'bigint' }

interface Story {
  readonly reach?: Reach
  readonly isFull?: boolean
  /** The DDL has no tag. */
  readonly isSilent?: boolean
  /** A later DDL, which drops the column again; of the transaction behind the one that writes after the first. */
  readonly second?: boolean
}

/** Inserts rows 1 to 3; at 2 a column is added, by a transaction that also writes row 3; then row 2 is written. */
function story({
  reach = 'rows',
  isFull = false,
  isSilent = false,
  second = false,
}: Story): ReturnType<typeof historyOf> {
  const insert = (id: number): string => `foo: INSERT: id[bigint]:${id} v[text]:'a'`
  const rows = (v3: string): string => `[{"id":1,"v":"a","w":7},{"id":2,"v":"a","w":7},{"id":3,"v":"${v3}","w":7}]`
  const change = ddl(reach, added, rows('a'), isFull)
  return historyOf([
    [insert(1), insert(2), insert(3), ddl('none', old, '[{"id":1,"v":"a"},{"id":2,"v":"a"},{"id":3,"v":"a"}]')],
    isSilent ? [untagged, change] : [change, `foo: UPDATE: id[bigint]:3 v[text]:'b' w[bigint]:7`],
    [`foo: UPDATE: id[bigint]:2 v[text]:'c' w[bigint]:7`],
    ...(second ? [[ddl('rows', old, '[{"id":1,"v":"a"},{"id":2,"v":"c"},{"id":3,"v":"b"}]')]] : []),
  ])
}

const inserts = [1, 2, 3].map((id) => row(1, id, `{"id": ${id}, "v": "a"}`, 'null'))
const backfilled = (id: number): RowNote => row(2, id, `{"id": ${id}, "v": "a", "w": 7}`, `{"id": ${id}, "v": "a"}`)
const ofChange = row(2, 3, '{"id": 3, "v": "b", "w": 7}', '{"id": 3, "v": "a"}')
const ofNext = row(3, 2, '{"id": 2, "v": "c", "w": 7}', '{"id": 2, "v": "a", "w": 7}')

/** A row, or a resolved timestamp with the second at which it came. */
type Note = RowNote | readonly [RowNote['updated'], number]
const boundary: Note = [prevHlc(at(2)), 2]
/** Everything was read before the next write was committed. */
const resolvedSoon: Note = [at(2), 2]
const resolvedLate: Note = [at(2), 100]
const end: Note = [at(9), 100]

function failuresOf(
  notes: readonly Note[],
  { events = 'default', policy = 'backfill', ...told }: Partial<SchemaOptions> & Story = {},
): readonly string[] {
  const history = story(told)
  const silent = told.isSilent === true ? [] : [tag(2)]
  const seen = notes.filter((note) => 'key' in note)
  const times = timesOf(history, [tag(1), ...silent, tag(3), ...(told.second === true ? [tag(4)] : []), ...seen])
  const backfills = new BackfillValidator({ times, table: 'foo', partitions: [''], events, policy })
  const validator = new CompositeValidator([
    new TimeTravelValidator({ history: times, table: 'foo', diff: true, scanTs: undefined }),
    new FingerprintValidator({ history: times, table: 'foo', partitions: [''] }),
    new SchemaValidator(times, 'foo'),
    new CompletenessValidator(times, 'foo', backfills),
    backfills,
  ])
  for (const note of notes) {
    if ('key' in note) validator.noteRow(note)
    else validator.noteResolved('', note[0], at(note[1]).wall)
  }
  return [...times.failures(), ...validator.failures()]
}

const faithful = [...inserts, boundary, backfilled(1), backfilled(2), ofChange, resolvedSoon, ofNext, end]
const without = (...left: readonly Note[]): readonly Note[] => faithful.filter((note) => !left.includes(note))
const plain = (notes: readonly Note[]): readonly Note[] =>
  notes.filter((note) => !('key' in note) || note === ofChange || note === ofNext || inserts.includes(note))

test('a faithful backfill satisfies all, also when it is repeated, and when it has a row that the transaction wrote', () => {
  assert.deepEqual(failuresOf(faithful), [])
  for (const repeated of [backfilled(1), ofChange]) {
    const rest: readonly Note[] = [backfilled(2), repeated, ofChange, resolvedSoon, ofNext, end]
    assert.deepEqual(failuresOf([...inserts, boundary, backfilled(1), ...rest]), [])
  }
})

test('a before that the row never had shows', () => {
  const wrong = row(2, 1, '{"id": 1, "v": "a", "w": 7}', '{"id": 1, "v": "z"}')
  const none = row(2, 1, '{"id": 1, "v": "a", "w": 7}', 'null')
  const ofLater = row(2, 3, '{"id": 3, "v": "b", "w": 7}', '{"id": 3, "v": "b"}')
  for (const note of [wrong, none, ofLater]) {
    const rest = [backfilled(2), ofChange, resolvedSoon, ofNext, end]
    assert.match(failuresOf([...inserts, boundary, note, ...rest])[0] ?? '', /^"before" field did not agree/)
  }
})

test('a row that a backfill lacks shows', () => {
  const lost = faithful.filter((note) => !('key' in note && note.key === '[1]' && note.updated.wall === at(2).wall))
  assert.deepEqual(failuresOf(lost), [
    'the backfill of schema change 2 at 1795000002000000000.0000000000 has 2 of 3 rows, and lacks [1]',
  ])
})

test('only a row that was written before the backfill was over may be missing, and only if the log lacks old values', () => {
  const [lost] = [faithful.filter((note) => !('key' in note && note.key === '[2]' && note.updated.wall === at(2).wall))]
  const late = (lost ?? []).map((note) => (note === resolvedSoon ? resolvedLate : note))
  assert.equal(failuresOf(lost ?? []).length, 1)
  assert.deepEqual(failuresOf(late), [])
  assert.equal(failuresOf(late, { isFull: true }).length, 1)
})

test('rows may be missing when the next schema change was made before the backfill was over', () => {
  const dropped = row(4, 1, '{"id": 1, "v": "a"}', '{"id": 1, "v": "a", "w": 7}')
  const rest = [2, 3].map((id) => {
    const v = id === 2 ? 'c' : 'b'
    return row(4, id, `{"id": ${id}, "v": "${v}"}`, `{"id": ${id}, "v": "${v}", "w": 7}`)
  })
  const last: readonly Note[] = [ofNext, [prevHlc(at(4)), 100], dropped, ...rest, end]
  assert.deepEqual(failuresOf([...inserts, boundary, ofChange, resolvedLate, ...last], { second: true }), [])
  assert.equal(failuresOf([...inserts, boundary, ofChange, resolvedSoon, ...last], { second: true }).length, 1)
})

test('a row with columns of another time shows', () => {
  const stale = row(2, 1, '{"id": 1, "v": "a"}', '{"id": 1, "v": "a"}')
  const failures = failuresOf([...inserts, boundary, stale, backfilled(2), ofChange, resolvedSoon, ofNext, end])
  assert.ok(
    failures.includes('[1] at 1795000002000000000.0000000000 has the columns id, v, and its table had id, v, w'),
    failures.join('\n'),
  )
  const early = row(3, 2, '{"id": 2, "v": "c"}', '{"id": 2, "v": "a"}')
  assert.ok(
    failuresOf([...without(ofNext).slice(0, -1), early, end]).some((text) => text.includes('has the columns id, v,')),
  )
})

test('a value that the row did not have at the schema change shows', () => {
  const wrong = row(2, 1, '{"id": 1, "v": "a", "w": 8}', '{"id": 1, "v": "a"}')
  assert.match(
    failuresOf([...inserts, boundary, wrong, backfilled(2), ofChange, end])[0] ?? '',
    /^"after" field did not agree/,
  )
})

test('a second timestamp in one backfill shows', () => {
  const later = { ...backfilled(1), updated: { wall: at(2).wall + 5n, logical: 0 } }
  const failures = failuresOf([...inserts, boundary, later, backfilled(2), ofChange, resolvedSoon, ofNext, end])
  assert.ok(
    failures.some((text) => text.startsWith('a message for [1] at 1795000002000000005')),
    failures.join('\n'),
  )
})

test('a schema change whose moment before is not resolved shows, with the policies that announce it', () => {
  const lacks = /^the schema change 2 is at .+ and 1795000001999999999\.2147483647 was not resolved in partition ""$/
  assert.match(failuresOf(without(boundary))[0] ?? '', lacks)
  const stopped = plain(without(boundary))
  assert.match(failuresOf(stopped, { policy: 'stop' })[0] ?? '', lacks)
  for (const policy of ['nobackfill', 'ignore'] as const) assert.deepEqual(failuresOf(stopped, { policy }), [])
})

test('without the policy backfill, and at a DDL that is no schema change, nothing comes that was not written', () => {
  const strange = /^a message for \[1\] at 1795000002/
  for (const policy of ['nobackfill', 'ignore', 'stop'] as const) {
    assert.deepEqual(failuresOf(plain(faithful), { policy }), [])
    assert.match(failuresOf(faithful, { policy }).join('\n'), strange)
  }
  assert.deepEqual(failuresOf(plain(faithful), { reach: 'none' }), [])
  assert.match(failuresOf(faithful, { reach: 'none' })[0] ?? '', strange)
})

test('a column without a value is a schema change only for column_changes; one of which nothing may be left, for either', () => {
  assert.deepEqual(failuresOf(plain(faithful), { reach: 'columns' }), [])
  assert.equal(failuresOf(faithful, { reach: 'columns' }).length, 2)
  assert.deepEqual(failuresOf(faithful, { reach: 'columns', events: 'column_changes' }), [])
  assert.equal(failuresOf(plain(faithful), { reach: 'columns', events: 'column_changes' }).length, 1)
  assert.deepEqual(failuresOf(plain(faithful), { reach: 'maybe' }), [])
  assert.deepEqual(failuresOf(faithful, { reach: 'maybe' }), [])
})

test('a schema change without a row of its own takes its time from its backfill, which has one', () => {
  const moved = (note: Note, nanos: bigint): Note =>
    'key' in note ? { ...note, updated: { wall: note.updated.wall + nanos, logical: 0 } } : note
  const untold = [1, 2, 3].map((id) => moved(backfilled(id), 9n))
  const before: Note = [{ wall: at(2).wall + 8n, logical: 0x7fffffff }, 2]
  const rest: readonly Note[] = [[{ wall: at(2).wall + 10n, logical: 0 }, 2], ofNext, end]
  assert.deepEqual(failuresOf([...inserts, before, ...untold, ...rest], { isSilent: true }), [])
  const twice = [moved(backfilled(1), 7n), ...untold.slice(1)]
  assert.match(failuresOf([...inserts, before, ...twice, ...rest], { isSilent: true })[0] ?? '', /has several times/)
  assert.match(
    failuresOf([...inserts, ...rest], { isSilent: true })[0] ?? '',
    /^the backfill of schema change 2 of an unknown time has 0 of 3 rows/,
  )
})

test('a before has the types of a DDL that no message has given a time', () => {
  const insert = 'foo: INSERT: id[bigint]:1 v[bigint]:5'
  const history = historyOf([
    [insert, ddl('none', { id: 'bigint', v: 'bigint' }, '[{"id":1,"v":5}]')],
    [untagged, ddl('rows', { id: 'bigint', v: 'text' }, '[{"id":1,"v":"5"}]')],
    ['foo: DELETE: id[bigint]:1'],
  ])
  const failures = (before: string): readonly string[] => {
    const deleted = row(3, 1, 'null', before)
    const times = timesOf(history, [tag(1), tag(3), deleted])
    const validator = new TimeTravelValidator({ history: times, table: 'foo', diff: true, scanTs: undefined })
    validator.noteRow(deleted)
    return [...times.failures(), ...validator.failures()]
  }
  assert.deepEqual(failures('{"id": 1, "v": "5"}'), [])
  assert.match(failures('{"id": 1, "v": 5}')[0] ?? '', /^"before" field did not agree/)
})
