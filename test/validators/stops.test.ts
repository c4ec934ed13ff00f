import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prevHlc, type Hlc } from '../../src/core/hlc.ts'
import { at, ddl, historyOf, tag, timesOf, untagged } from '../history/synthetic.ts'
import { judgeStops, type StopsOptions } from './stops.ts'

const columns = { id: 'bigint' }
/** The second transaction changes the table among its writes, the fourth does nothing else, the sixth only renames. */
const history = historyOf([
  [ddl('none', columns, '[]')],
  [ddl('rows', columns, '[]'), 'foo: INSERT: id[bigint]:1'],
  ['foo: INSERT: id[bigint]:2'],
  [untagged, ddl('rows', columns, '[{"id":1},{"id":2}]')],
  ['foo: INSERT: id[bigint]:3'],
  [ddl('none', columns, '[{"id":1},{"id":2},{"id":3}]')],
])
const ofRows = prevHlc(at(2))
/** The time of a change without rows is known from the error alone. */
const alone: Hlc = { wall: at(4).wall + 7n, logical: 3 }

function failuresOf(stops: readonly Hlc[], told: Partial<StopsOptions> = {}): readonly string[] {
  const times = timesOf(history, [tag(1), tag(2), tag(3), tag(5), tag(6)])
  assert.deepEqual(times.failures(), [])
  const options = { times, table: 'foo', events: 'default', policy: 'stop', cursors: [], resolved: at(6) } as const
  return judgeStops({ ...options, stops, ...told })
}

test('a feed stops at each schema change: just before one that has written rows, and at one that has not', () => {
  assert.deepEqual(failuresOf([ofRows, alone]), [])
  assert.deepEqual(failuresOf([ofRows, ofRows, alone]), [])
})

test('a time that would lose the rows of the transaction shows', () => {
  assert.match(failuresOf([at(2), alone])[0] ?? '', /^a feed stopped at 1795000002000000000\.0{10}, and there was no/)
})

test('a schema change that stopped no feed shows, unless a feed has started there, or none has come so far', () => {
  assert.match(failuresOf([alone])[0] ?? '', /^no feed stopped at schema change 2, before/)
  assert.match(failuresOf([ofRows])[0] ?? '', /^no feed stopped at schema change 4, before/)
  assert.deepEqual(failuresOf([alone], { cursors: [ofRows] }), [])
  assert.deepEqual(failuresOf([ofRows], { resolved: at(4) }), [])
})

test('a stop where nothing was changed shows, and any with another policy', () => {
  for (const stop of [prevHlc(at(3)), prevHlc(at(6)), at(6)])
    assert.match(failuresOf([ofRows, alone, stop])[0] ?? '', /^a feed stopped at .*, and there was no schema change$/)
  assert.equal(failuresOf([ofRows], { policy: 'nobackfill' }).length, 1)
})
