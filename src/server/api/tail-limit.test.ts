// The limit of live tails holds for requests that come at the same time.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { until } from '../../../test/support/until.ts'
import { Api, apiPrefix, type ApiOptions } from './api.ts'

test('live tails that are asked for at the same time are no more than the limit', async () => {
  // Whoever is let in looks for its job, which takes until all have asked.
  const found = Promise.withResolvers<never>()
  found.promise.catch(() => undefined)
  const parts = { listed: { page: () => found.promise } } as unknown as ApiOptions['parts']
  const api = new Api({
    parts,
    port: { host: '127.0.0.1', port: 1 },
    everybody: { name: 'root', database: 'defaultdb', password: undefined },
    isOpen: false,
    defaultDatabase: 'defaultdb',
    version: '1',
    series: undefined,
  })
  const server = createServer((request, response) => {
    void api.answer(request, response, new URL(request.url ?? '', 'http://localhost'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${apiPrefix}jobs/1/messages`
    const ask = async (): Promise<number> => (await fetch(url, { headers: { 'x-changefeed-console': '1' } })).status
    const statuses: number[] = []
    const all = Array.from({ length: 30 }, async () => statuses.push(await ask()))
    await until('ten are refused', 10_000, () => (statuses.length >= 10 ? true : undefined))
    assert.deepEqual(
      statuses,
      Array.from({ length: 10 }, () => 503),
      'ten more than the limit are refused at once',
    )
    found.reject(new Error('the jobs cannot be read'))
    await Promise.all(all)
    assert.equal(await ask(), 500, 'those that are over make room')
  } finally {
    found.reject(new Error('the test is over'))
    server.close()
    server.closeAllConnections()
  }
})
