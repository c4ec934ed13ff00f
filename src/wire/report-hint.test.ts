import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFields } from '../postgres/server-error.ts'
import { report } from './backend-writer.ts'
import { withHint } from './report-hint.ts'

test('an error gets a hint, or another one, and keeps its other fields', () => {
  for (const old of [undefined, 'an older one']) {
    const error = report({ severity: 'ERROR', sqlstate: '55000', message: 'no', detail: 'd', hint: old, position: 3 })
    const made = withHint(error, 'do this')
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
