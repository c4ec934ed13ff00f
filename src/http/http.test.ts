import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'
import test from 'node:test'
import { startHttp } from './http.ts'

test('a path that nothing answers to is not found, however it is written; / has links to the others', async () => {
  const web = await startHttp({
    host: 'localhost',
    port: 0,
    names: ['localhost'],
    ready: () => ({ ok: true }),
    problems: () => [],
    metrics: async (visibility) => (visibility === 'nope' ? undefined : `# ${visibility ?? 'none'}\n`),
  })
  try {
    for (const [path, status] of [
      ['//', 404],
      ['//health', 404],
      ['/%', 404],
      ['/nothing', 404],
      ['/', 200],
      ['/health?ready=1', 200],
      ['/metrics', 200],
      ['/_status/vars?visibility=essential', 200],
      ['/_status/vars?visibility=nope', 400],
      ['http://localhost/health', 200],
    ] as const) {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        get({ host: '127.0.0.1', port: web.port, path, headers: { host: 'localhost' } }, resolve).on('error', reject)
      })
      response.resume()
      assert.equal(response.statusCode, status, path)
    }
  } finally {
    await web.close()
  }
})
