// How the API takes requests that are not what it expects: methods, bodies, jobs and parameters that there are not.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { Api, apiPrefix, type ApiOptions } from './api.ts'

const own = { 'x-changefeed-console': '1' }
const options = {
  port: { host: '127.0.0.1', port: 1 },
  isOpen: false,
  defaultDatabase: 'defaultdb',
  version: '1',
  series: undefined,
}
const everybody = { name: 'root', database: 'defaultdb', password: undefined }
const listed = { page: async () => ({ jobs: [], total: 0 }), counts: async () => ({}) }

const api = new Api({ ...options, parts: { listed } as unknown as ApiOptions['parts'], everybody })
const withLogins = new Api({ ...options, parts: {} as ApiOptions['parts'], everybody: undefined })
const server = createServer((request, response) => {
  const chosen = request.headers['x-logins'] === undefined ? api : withLogins
  void chosen.answer(request, response, new URL(request.url ?? '', 'http://localhost'))
})
let base = ''
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}${apiPrefix}`
})
after(() => {
  server.close()
  server.closeAllConnections()
})

test('HEAD is GET without the body', async () => {
  for (const path of ['session', 'form', 'metrics']) {
    const head = await fetch(base + path, { method: 'HEAD' })
    assert.deepEqual([head.status, await head.text()], [200, ''], path)
  }
})

test('a path takes some methods, and says which', async () => {
  for (const [path, method, allow] of [
    ['session', 'POST', 'GET, HEAD'],
    ['login', 'GET', 'POST'],
    ['logout', 'DELETE', 'POST'],
    ['overview', 'PUT', 'GET, HEAD'],
    ['jobs/1/pause', 'GET', 'POST'],
    ['changefeeds', 'GET', 'POST'],
    ['jobs/1/messages', 'HEAD', 'GET'],
  ] as const) {
    const answer = await fetch(base + path, { method, headers: own })
    assert.deepEqual([answer.status, answer.headers.get('allow')], [405, allow], `${method} ${path}`)
    await answer.body?.cancel()
  }
})

test('a body that is no JSON object is refused, and one that is too large with 413', async () => {
  for (const body of ['[]', '1', 'null', '"x"', '{', 'user=ann']) {
    const answer = await fetch(`${base}changefeeds/check`, { method: 'POST', headers: own, body })
    assert.equal(answer.status, 400, body)
    assert.equal(((await answer.json()) as { readonly error: string }).error, 'the body is not a JSON object', body)
  }
  const body = JSON.stringify({ statement: 'x'.repeat(3_000_000) })
  const large = await fetch(`${base}changefeeds/check`, { method: 'POST', headers: own, body })
  assert.equal(large.status, 413)
  assert.match(await large.text(), /larger than 512 KiB/)
})

test('a job, a status or a parameter that there is not is an error with a hint', async () => {
  for (const [path, status, error] of [
    ['jobs/1', 404, 'job with ID 1 does not exist'],
    ['jobs/9999999999999999999', 404, 'job with ID 9999999999999999999 does not exist'],
    ['jobs?status=nonsense', 400, 'there is no status nonsense'],
    ['jobs?limit=-1', 400, 'limit is not a whole number'],
    ['jobs/1/messages?scann=yes', 400, 'unknown parameter scann'],
    ['tables?databse=shop', 400, 'unknown parameter databse'],
    ['overview?nocache=1', 400, 'unknown parameter nocache'],
    ['form?x=1', 400, 'unknown parameter x'],
    ['metrics?visibility=all', 400, 'unknown parameter visibility'],
    ['session?user=x', 400, 'unknown parameter user'],
    ['jobs?limt=5', 400, 'unknown parameter limt'],
    ['jobs?limit=5&limit=6', 400, 'limit is given more than once'],
    ['events?limit=5&limit=5', 400, 'limit is given more than once'],
    ['series?frm=0&name=a', 400, 'unknown parameter frm'],
  ] as const) {
    const answer = await fetch(base + path, { headers: own })
    const body = (await answer.json()) as { readonly error: string; readonly hint?: string }
    assert.deepEqual([answer.status, body.error], [status, error], path)
    assert.ok((body.hint ?? '') !== '', path)
  }
})

test('a member of a body that there is not is refused, and what it contains is not repeated', async () => {
  for (const [path, body, hint] of [
    ['form', { tabels: [] }, 'did you mean tables?'],
    ['changefeeds', { statment: 'hunter2' }, 'did you mean statement?'],
    ['changefeeds/check', { statement: 'x', sink: 'hunter2' }, 'the members are database, statement'],
    ['jobs/1/pause', { reason: 'hunter2' }, 'this request takes no members'],
    ['login', { usr: 'ann', password: 'hunter2' }, 'did you mean user?'],
  ] as const) {
    const answer = await fetch(base + path, {
      method: 'POST',
      headers: { ...own, ...(path === 'login' ? { 'x-logins': '1' } : {}) },
      body: JSON.stringify(body),
    })
    const text = await answer.text()
    assert.equal(answer.status, 400, text)
    const said = JSON.parse(text) as { readonly error: string; readonly hint: string }
    assert.match(said.error, /^unknown member \w+$/)
    assert.equal(said.hint, hint)
    assert.ok(!text.includes('hunter2'), text)
  }
})

test('logins that PostgreSQL has not answered are no wrong passwords', async () => {
  // Nobody listens at the SQL port of this test.
  for (let i = 0; i < 8; i++) {
    const body = JSON.stringify({ user: 'ann', password: 'x' })
    const answer = await fetch(`${base}login`, { method: 'POST', headers: { ...own, 'x-logins': '1' }, body })
    assert.equal(answer.status, 503)
    await answer.text()
  }
})
