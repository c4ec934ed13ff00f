import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkTimeline, noteTimeline } from './known-timelines.ts'
import type { PostgresServer } from './source-connection.ts'

const server: PostgresServer = { host: 'a.test', port: 1, user: 'u', otherHosts: [{ host: 'b.test', port: 1 }] }

test('a server on an older timeline than the newest known one is a former primary', () => {
  noteTimeline(server, { systemIdentifier: '7', timeline: 3 })
  checkTimeline(server, { systemIdentifier: '7', timeline: 3 })
  assert.throws(() => checkTimeline(server, { systemIdentifier: '7', timeline: 2 }), {
    code: 'FEED_SOURCE_DOWN',
    message: /^it was the primary before a promotion/,
  })
})

test('a cluster that was upgraded begins at timeline 1 again, and is not taken for a former primary', () => {
  noteTimeline(server, { systemIdentifier: '8', timeline: 3 })
  checkTimeline(server, { systemIdentifier: '9', timeline: 1 })
})
