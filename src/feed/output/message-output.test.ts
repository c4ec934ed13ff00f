import assert from 'node:assert/strict'
import { test } from 'node:test'
import { relationOfDescription } from '../../decode/schema-history.ts'
import { open } from '../../encode/json/json-encoder.ts'
import { specOf } from '../../../test/support/spec-of.ts'
import { TableLook } from '../../../test/support/written-log.ts'
import { openOutput } from './open-output.ts'

test('a feed gets what encodes runs when its first row has come, and a quiet feed never', async () => {
  const encoder = open(specOf({}))
  let opened = 0
  const openRecords = encoder.openRecords?.bind(encoder)
  encoder.openRecords = () => {
    opened += 1
    return openRecords?.()
  }
  const { changes } = openOutput({ encoder, emitBatch: async () => undefined, signal: new AbortController().signal })
  changes.stamp({ wall: 1n, logical: 0 })
  await changes.drain()
  assert.equal(opened, 0)
  const relation = relationOfDescription(new TableLook().description)
  const schema = encoder.prepare(relation, 0)
  for (let i = 0; i < 2; i++) assert.deepEqual(changes.tableOf(relation, 0), { relation, topic: 0, schema })
  assert.equal(opened, 1)
})
