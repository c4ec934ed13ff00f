import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { TLSSocket } from 'node:tls'
import { ApiSessions, sessionCookie } from './api-sessions.ts'

const ann = { name: 'ann', database: 'app', password: 'secret' }

function requestTo(host: string | undefined, cookie?: string, socket: object = {}): IncomingMessage {
  return { headers: { host, cookie }, socket } as unknown as IncomingMessage
}

function requestWith(token: string): IncomingMessage {
  return requestTo('localhost:8080', `other=1; changefeed_session_8080=${token}`)
}

test('a cookie stands for a role until it logs out, two hours after its last use, and for at most a day', () => {
  let nowMs = 0
  const sessions = new ApiSessions(() => nowMs)
  const [first, second] = [sessions.begin(ann), sessions.begin(ann)]
  assert.notEqual(first, second)
  assert.equal(sessions.of(requestWith(first)), ann)
  assert.equal(sessions.of(requestWith('guess')), undefined)
  assert.equal(sessions.of(requestTo(undefined)), undefined)
  sessions.end(requestWith(first))
  assert.equal(sessions.of(requestWith(first)), undefined)
  for (; nowMs < 24 * 3_600_000; nowMs += 3_600_000) assert.equal(sessions.of(requestWith(second)), ann)
  nowMs += 1
  assert.equal(sessions.of(requestWith(second)), undefined, 'a day is over')
  const third = sessions.begin(ann)
  nowMs += 2 * 3_600_000 + 1
  assert.equal(sessions.of(requestWith(third)), undefined, 'it was not used')
})

test('the session that was used least recently gives way when there are too many', () => {
  const sessions = new ApiSessions()
  const tokens = Array.from({ length: 500 }, () => sessions.begin(ann))
  assert.equal(sessions.of(requestWith(tokens[0] ?? '')), ann)
  sessions.begin(ann)
  assert.equal(sessions.of(requestWith(tokens[1] ?? '')), undefined)
  assert.equal(sessions.of(requestWith(tokens[0] ?? '')), ann)
})

test('no script reads the cookie, and no other site sends it', () => {
  const plain = requestTo('localhost:8080')
  const encrypted = requestTo('changefeed.example', undefined, Object.create(TLSSocket.prototype) as object)
  assert.equal(sessionCookie('abc', plain), 'changefeed_session_8080=abc; Path=/api/; HttpOnly; SameSite=Strict')
  assert.match(sessionCookie('abc', encrypted), /^__Secure-changefeed_session_default=abc; .*; Secure$/)
  assert.match(sessionCookie(undefined, plain), /; Max-Age=0$/)
})

test('what runs for a session is stopped when it logs out, gives way, or is found to be too old', () => {
  let nowMs = 0
  const sessions = new ApiSessions(() => nowMs)
  const [out, old, pushed] = [sessions.begin(ann), sessions.begin(ann), sessions.begin(ann)]
  const [endOfOut, endOfOld, endOfPushed] = [out, old, pushed].map((token) => sessions.endOf(requestWith(token)))
  sessions.end(requestWith(out))
  assert.equal(endOfOut?.aborted, true)
  assert.equal(sessions.endOf(requestWith(out)), undefined)
  assert.equal(endOfOld?.aborted, false)
  nowMs += 2 * 3_600_000 + 1
  assert.equal(sessions.of(requestWith(old)), undefined)
  assert.equal(endOfOld?.aborted, true)
  assert.equal(endOfPushed?.aborted, false)
  for (let i = 0; i < 500; i++) sessions.begin(ann)
  assert.equal(endOfPushed?.aborted, true)
})

test('servers at other ports of the same machine have cookies of their own', () => {
  const sessions = new ApiSessions()
  const token = sessions.begin(ann)
  const cookie = `changefeed_session_8081=another; changefeed_session_8080=${token}`
  assert.equal(sessions.of(requestTo('localhost:8080', cookie)), ann)
  assert.equal(sessions.of(requestTo('localhost:8081', cookie)), undefined)
})
