// Crashes of a server whose changefeed writes into S3, also between an upload and the checkpoint, while S3 answers with errors
// (files-over-crashes.ts).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { skipWithoutGo } from '../services/go-program.ts'
import type { FrontTrouble } from '../services/storage/service-front.ts'
import { s3Error, Versitygw } from '../services/storage/versitygw.ts'
import { filesOverCrashes } from './files-over-crashes.ts'

const seeds = Number(process.env['CRASH_SEEDS'] ?? 2)
const troubles: readonly FrontTrouble[] = [
  s3Error(500, 'InternalError'),
  s3Error(503, 'SlowDown'),
  'cut',
  'lose',
  'half',
]

for (let seed = 1; seed <= seeds; seed++) {
  const parameters = seed % 2 === 0 ? 'file_size=3KB' : 'file_size=20KB&partition_format=hourly'
  const title = `a bucket is one history over crashes and trouble, with ${parameters}`
  test(title, { timeout: 240_000, skip: skipWithoutGo }, async () => {
    await using s3 = await Versitygw.start()
    await s3.makeBucket('crashed')
    await using server = await TestServer.start()
    s3.front.trouble = ({ method }) =>
      method === 'PUT' && Math.random() < 0.1
        ? (troubles[Math.floor(Math.random() * troubles.length)] as FrontTrouble)
        : 'pass'
    const uri = `s3://crashed/f?${s3.parameters}&${parameters}`
    await filesOverCrashes({ server, uri, folder: s3.folderOf('crashed', 'f'), isCompressed: seed % 2 === 0 })
    assert.deepEqual(await s3.uploads('crashed'), [])
  })
}
