import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTableNames } from './read-table-names.ts'

test('tables are named as SQL writes them', () => {
  const read = (text: string): string[] => readTableNames(text).map(({ schema, name }) => `${schema}|${name}`)
  assert.deepEqual(read(''), [])
  assert.deepEqual(read('Orders, sales.Invoices'), ['public|orders', 'sales|invoices'])
  assert.deepEqual(read('"Mixed Case","a,b"."c.d","say ""hi"""'), ['public|Mixed Case', 'a,b|c.d', 'public|say "hi"'])
  for (const wrong of ['a.b.c', '"open', 'a..b', 'two words'])
    assert.throws(() => readTableNames(wrong), { code: 'FEED_OPTION' }, wrong)
})
