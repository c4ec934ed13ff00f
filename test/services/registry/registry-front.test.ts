import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { RegistryFront } from './registry-front.ts'

test('a client that gives up before the registry answers does not end the front', async () => {
  const waiting: ServerResponse[] = []
  const registry = createServer((_, response) => {
    waiting.push(response)
    registry.emit('asked')
  }).listen(0, '127.0.0.1')
  await once(registry, 'listening')
  await using front = await RegistryFront.start({ to: `http://127.0.0.1:${(registry.address() as AddressInfo).port}` })
  try {
    const gaveUp = new AbortController()
    let asked = once(registry, 'asked')
    const first = fetch(`${front.url}/subjects`, { signal: gaveUp.signal })
    await asked
    gaveUp.abort()
    await assert.rejects(first)
    asked = once(registry, 'asked')
    const second = fetch(`${front.url}/subjects`)
    await asked
    for (const response of waiting) response.end('[]')
    assert.equal(await (await second).text(), '[]')
  } finally {
    registry.closeAllConnections()
    registry.close()
  }
})
