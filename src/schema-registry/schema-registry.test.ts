import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { openRegistry } from './schema-registry.ts'

test('a schema is posted under its subject below the path of the URL, and its id is known from then on', async () => {
  const seen: unknown[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      seen.push([request.method, request.url, request.headers['content-type'], Buffer.concat(chunks).toString()])
      response.end('{"id":7}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/apis/v7`
    const registry = openRegistry({ urls: [url], timeoutMs: 1000 }, {})
    assert.equal(await registry.register('a/b-value', '"long"'), 7)
    assert.equal(registry.register('a/b-value', '"long"'), 7)
    assert.deepEqual(seen, [
      [
        'POST',
        '/apis/v7/subjects/a%2Fb-value/versions',
        'application/vnd.schemaregistry.v1+json',
        '{"schema":"\\"long\\""}',
      ],
    ])
  } finally {
    server.close()
    server.closeAllConnections()
  }
})
