// Crashes of a server whose changefeed writes into a folder (files-over-crashes.ts).

import { join } from 'node:path'
import { test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { filesOverCrashes } from './files-over-crashes.ts'

const seeds = Number(process.env['CRASH_SEEDS'] ?? 2)

for (let seed = 1; seed <= seeds; seed++) {
  const parameters = seed % 2 === 0 ? 'file_size=3KB' : 'file_size=20KB&partition_format=hourly'
  test(`a folder is one history over crashes, with ${parameters}`, { timeout: 500_000 }, async () => {
    await using server = await TestServer.start()
    const folder = join(server.storeDir, 'extern/f')
    await filesOverCrashes({ server, uri: `nodelocal://1/f?${parameters}`, folder, isCompressed: seed % 2 === 0 })
  })
}
