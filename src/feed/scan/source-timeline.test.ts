import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkHistory, type LogOfSource } from './source-timeline.ts'

function logOn(timeline: number | undefined): LogOfSource {
  const label = JSON.stringify({ databaseOid: '5', timeline })
  const source = { host: 'a.test', port: 1, user: 'u', database: 'd' }
  return { source, log: { readNote: (name) => (name === 'source' ? label : undefined) } }
}

test('rows of another timeline than that of the changelog are not used, whichever is newer', () => {
  checkHistory(logOn(2), 2)
  for (const timeline of [1, 3])
    assert.throws(() => checkHistory(logOn(2), timeline), {
      code: 'FEED_SOURCE_DOWN',
      message: /a standby was promoted$/,
    })
})

test('a changelog of an earlier version knows no timeline', () => {
  checkHistory(logOn(undefined), 3)
  checkHistory({ ...logOn(1), log: { readNote: () => undefined } }, 3)
})
