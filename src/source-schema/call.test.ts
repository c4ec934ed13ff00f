import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call, rowsOf } from './call.ts'

test('a call has its values in the order of the parameters, quoted by their type', () => {
  assert.equal(call('look', { told: [7, 9], after: 0, most: 100 }), `changefeed.look(0, 100, '{7, 9}')`)
  assert.equal(call('distrust', { reason: `it's \\ so` }), `changefeed.distrust(E'it''s \\\\ so')`)
  assert.equal(call('hold_types', { types: { sql: 't.types' }, alone: false }), 'changefeed.hold_types(t.types, false)')
  assert.equal(call('publishes_all', {}), 'changefeed.publishes_all()')
})

test('rows come as what their columns are', async () => {
  const asked: string[] = []
  const answers = {
    query: (sql: string): Promise<(string | null)[][]> => {
      asked.push(sql)
      return Promise.resolve([
        ['7', 'true', '{3,5}', 'a, b'],
        ['0', 'false', '{}', null],
      ])
    },
  }
  const rows = await rowsOf(answers, 'look', { after: 1, most: 2, told: [] })
  assert.deepEqual(asked, [
    `SELECT next::text, are_done::text, missed::text, names::text FROM changefeed.look(1, 2, '{}')`,
  ])
  assert.deepEqual(rows, [
    { next: 7, are_done: true, missed: [3, 5], names: 'a, b' },
    { next: 0, are_done: false, missed: [], names: '' },
  ])
})
