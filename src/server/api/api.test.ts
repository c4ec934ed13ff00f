// Who may use the API at all, by where a request comes from.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Api, apiPrefix, type ApiOptions } from './api.ts'

const root = { name: 'root', database: 'defaultdb', password: undefined }

interface Answer {
  readonly status: number
  readonly error: string | undefined
}

/** Asks an API as if from this address. */
async function askFrom(
  address: string,
  options: Pick<ApiOptions, 'everybody' | 'isOpen'>,
  {
    login = false,
    headers = {},
  }: { readonly login?: boolean; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const api = new Api({
    parts: {} as ApiOptions['parts'],
    port: { host: '127.0.0.1', port: 1 },
    defaultDatabase: 'defaultdb',
    version: '1',
    series: undefined,
    ...options,
  })
  const server = createServer((request, response) => {
    Object.defineProperty(request.socket, 'remoteAddress', { value: address })
    const url = new URL(request.url ?? '', 'http://localhost')
    void api.answer(request, response, url)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}${apiPrefix}`
    const body = JSON.stringify({ user: 'ann', password: 'x' })
    const all = { 'x-changefeed-console': '1', ...headers }
    const response = await (login
      ? fetch(`${base}login`, { method: 'POST', headers: all, body })
      : fetch(`${base}session`, { headers: all }))
    const { error } = (await response.json()) as { readonly error?: string }
    return { status: response.status, error }
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

test('without passwords only this machine may use the API, unless everybody may use the SQL port, too', async () => {
  const closed = { everybody: root, isOpen: false }
  assert.equal((await askFrom('127.0.0.1', closed)).status, 200)
  assert.equal((await askFrom('::ffff:127.0.0.1', closed)).status, 200)
  const refused = await askFrom('10.0.0.9', closed)
  assert.deepEqual(refused, {
    status: 403,
    error: 'this server has no passwords: only this machine may use its console',
  })
  assert.equal((await askFrom('10.0.0.9', { everybody: root, isOpen: true })).status, 200)
  const forwarded = { 'x-forwarded-for': '10.0.0.9' }
  assert.deepEqual(await askFrom('127.0.0.1', closed, { headers: forwarded }), refused, 'a proxy speaks for others')
})

test('a password is not taken from another machine without TLS, unless the SQL port takes it, too', async () => {
  const closed = { everybody: undefined, isOpen: false }
  assert.equal((await askFrom('10.0.0.9', closed)).status, 200, 'who is logged in is no secret')
  const refused = await askFrom('10.0.0.9', closed, { login: true })
  assert.equal(refused.status, 403)
  assert.match(refused.error ?? '', /^a password is not taken from another machine/)
  // Here it is asked for at the SQL port, where nobody listens in this test.
  for (const [address, isOpen] of [
    ['127.0.0.1', false],
    ['10.0.0.9', true],
  ] as const)
    assert.notEqual((await askFrom(address, { ...closed, isOpen }, { login: true })).status, 403)
})
