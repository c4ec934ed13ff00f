// Crashes of a server whose changefeed writes into a bucket, also between an upload and the checkpoint, while the service answers with
// errors (files-over-crashes.ts). CRASH_SEEDS says how often, in each service.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { skipWithoutGo } from '../services/go-program.ts'
import { azureError, Azurite, azuriteIsMissing } from '../services/storage/azurite-service.ts'
import { FakeGcs, googleError } from '../services/storage/fake-gcs.ts'
import { FolderCopy } from '../services/storage/folder-copy.ts'
import type { FrontRequest, FrontTrouble, ServiceFront } from '../services/storage/service-front.ts'
import { s3Error, Versitygw } from '../services/storage/versitygw.ts'
import { filesOverCrashes } from './files-over-crashes.ts'

const seeds = process.env['CRASH_SEEDS']

interface Bucket {
  readonly uri: string
  /** Where the objects are, or a copy of them. */
  readonly folder: string
  readonly front: ServiceFront
  readonly troubled: { trouble: (request: FrontRequest) => FrontTrouble }
  readonly refusals: readonly FrontTrouble[]
  /** What nobody sees and nobody removes. */
  readonly left?: () => Promise<readonly string[]>
}

type Use = <T extends AsyncDisposable>(service: T) => T

interface Service {
  readonly name: string
  readonly seeds: number
  readonly skip: string | false
  start(use: Use): Promise<Bucket>
}

const services: readonly Service[] = [
  {
    name: 'S3',
    seeds: 2,
    skip: skipWithoutGo,
    async start(use) {
      const s3 = use(await Versitygw.start())
      await s3.makeBucket('crashed')
      const { front } = s3
      return {
        uri: `s3://crashed/f?${s3.parameters}`,
        folder: s3.folderOf('crashed', 'f'),
        front,
        troubled: front,
        refusals: [s3Error(500, 'InternalError'), s3Error(503, 'SlowDown')],
        left: () => s3.uploads('crashed'),
      }
    },
  },
  {
    name: 'Google Cloud Storage',
    seeds: 1,
    skip: skipWithoutGo,
    async start(use) {
      const gcs = use(await FakeGcs.start({ wantsToken: false }))
      await gcs.makeBucket('crashed')
      process.env['STORAGE_EMULATOR_HOST'] = gcs.front.url
      const copy = use(new FolderCopy(gcs.source('crashed')))
      return {
        uri: 'gs://crashed/f?AUTH=implicit',
        folder: join(copy.folder, 'f'),
        front: gcs.front,
        troubled: gcs,
        refusals: [googleError(500), googleError(503), googleError(401)],
      }
    },
  },
  {
    name: 'Azure',
    seeds: 1,
    skip: azuriteIsMissing() ?? false,
    async start(use) {
      const azurite = use(await Azurite.start())
      await azurite.container('crashed').create()
      const copy = use(new FolderCopy(azurite.source('crashed')))
      const { front } = azurite
      return {
        uri: `azure-blob://crashed/f?${azurite.parameters}`,
        folder: join(copy.folder, 'f'),
        front,
        troubled: front,
        refusals: [azureError(500, 'InternalError'), azureError(503, 'ServerBusy')],
      }
    },
  },
]

for (const { name, seeds: usual, skip, start } of services) {
  for (let seed = 1; seed <= Number(seeds ?? usual); seed++) {
    const parameters = seed % 2 === 0 ? 'file_size=3KB' : 'file_size=20KB&partition_format=hourly'
    const title = `a bucket in ${name} is one history over crashes and trouble, with ${parameters} (${seed})`
    test(title, { timeout: 500_000, skip }, async () => {
      await using used = new AsyncDisposableStack()
      const { uri, folder, front, troubled, refusals, left } = await start((service) => used.use(service))
      const server = used.use(await TestServer.start())
      const troubles: readonly FrontTrouble[] = [...refusals, 'cut', 'lose', 'half']
      troubled.trouble = ({ method }) =>
        (method === 'PUT' || method === 'POST') && Math.random() < 0.1
          ? (troubles[Math.floor(Math.random() * troubles.length)] as FrontTrouble)
          : 'pass'
      await filesOverCrashes({
        server,
        uri: `${uri}&${parameters}`,
        folder,
        isCompressed: seed % 2 === 0,
        betweenFileAndCheckpoint: () => front.nextWrite(),
      })
      assert.deepEqual(await left?.(), left === undefined ? undefined : [])
    })
  }
}
