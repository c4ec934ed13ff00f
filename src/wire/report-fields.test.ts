import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFields } from '../postgres/server-error.ts'
import { report } from './backend-writer.ts'
import { withFields } from './report-fields.ts'

test('an error gets a hint, or another one, and keeps its other fields', () => {
  for (const old of [undefined, 'an older one']) {
    const error = report({ severity: 'ERROR', sqlstate: '55000', message: 'no', detail: 'd', hint: old, position: 3 })
    const made = withFields(error, { hint: 'do this' })
    assert.equal(made.readInt32BE(1), made.length - 1)
    assert.deepEqual(
      readFields(made, 5, made.length),
      new Map([
        ['S', 'ERROR'],
        ['V', 'ERROR'],
        ['C', '55000'],
        ['M', 'no'],
        ['D', 'd'],
        ['P', '3'],
        ['H', 'do this'],
      ]),
    )
  }
})

test('the message of an error is replaced and its context left out', () => {
  const error = report({ severity: 'ERROR', sqlstate: '55000', message: 'no', hint: 'h' })
  const context = Buffer.concat([error.subarray(0, -1), Buffer.from('WPL/pgSQL function f() line 1 at RAISE\0\0')])
  const made = withFields(context, { message: 'not now', hidesContext: true })
  assert.equal(made.readInt32BE(1), made.length - 1)
  const fields = readFields(made, 5, made.length)
  assert.equal(fields.get('M'), 'not now')
  assert.equal(fields.get('H'), 'h')
  assert.equal(fields.has('W'), false)
  assert.equal(readFields(withFields(context, { hint: 'i' }), 5, context.length).has('W'), true)
})
