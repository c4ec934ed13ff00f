import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callerOf, lineOf } from './log-format.ts'

const line = `${JSON.stringify({
  level: 30,
  time: '2026-11-29T05:12:37.535Z',
  job: '1065',
  caller: 'feed/pool/feed-pool.ts:88',
  why: 'two words',
  msg: '[kafka-producer] Successfully initialized new client',
})}\n`

test('crdb-v1 lines read as the logs of CockroachDB do', () => {
  assert.equal(
    lineOf('crdb-v1', line),
    `I261129 05:12:37.535000 ${process.pid} feed/pool/feed-pool.ts:88  [kafka-producer] Successfully initialized new client job=1065 why="two words"\n`,
  )
})

test('text lines begin with time and severity, and a message of several lines stays one line', () => {
  const bad = JSON.stringify({ level: 50, time: '2026-11-29T05:12:37.535Z', msg: 'a\nb' })
  assert.equal(lineOf('text', bad), '2026-11-29T05:12:37.535Z ERROR a\\nb\n')
})

test('what would make a terminal do something is shown as text', () => {
  const bad = JSON.stringify({ level: 50, time: '2026-11-29T05:12:37.535Z', msg: '\x1b[2Ja\rb', table: '\x9b1m' })
  assert.equal(lineOf('text', bad), '2026-11-29T05:12:37.535Z ERROR \\x1b[2Ja\\x0db table=\\x9b1m\n')
})

test('the caller is the first file of the program that is not the logger', () => {
  const stack = [
    'Error',
    '    at mixin (file:///x/src/cli/server-log.ts:27:70)',
    '    at Pino.write (file:///x/node_modules/pino/lib/proto.js:1:1)',
    '    at Sources.open (file:///x/src/server/sources.ts:140:20)',
  ].join('\n')
  assert.equal(callerOf(stack), 'server/sources.ts:140')
})
