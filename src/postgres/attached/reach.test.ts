import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { reach } from './reach.ts'

test('a PostgreSQL that does not come up in time is an error with its address and the reason', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const source = { host: '127.0.0.1', port, user: 'cdc', database: 'app' }
  const startedAt = performance.now()
  await assert.rejects(
    reach(source, async () => undefined, { withinMs: 500 }),
    (error: Error & { readonly code?: string }) =>
      error.code === 'FEED_START' &&
      error.message.startsWith('cannot use database "app" as "cdc": ') &&
      error.message.includes(`127.0.0.1:${port}`) &&
      error.message.includes('ECONNREFUSED'),
  )
  assert.ok(performance.now() - startedAt > 300, 'it was tried again')
  await assert.rejects(
    reach(source, async () => undefined, { signal: AbortSignal.timeout(200) }),
    /ECONNREFUSED/,
  )
})
