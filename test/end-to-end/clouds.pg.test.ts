// Changefeeds into Google Cloud Storage and Azure, as a user makes them: rows and RESOLVED files under the path of the URI, trouble at the far
// end, and secrets that are not shown. What is the same for all object storage is tried on S3 (s3.pg.test.ts).

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { skipWithoutGo } from '../services/go-program.ts'
import { azureAccount, Azurite, azuriteIsMissing } from '../services/storage/azurite-service.ts'
import { FakeGcs } from '../services/storage/fake-gcs.ts'
import type { ServiceFront } from '../services/storage/service-front.ts'
import { fileOf, linesOf } from '../support/read-folder.ts'
import { until } from '../support/until.ts'

const withinMs = 60_000
const skip = skipWithoutGo === false ? (azuriteIsMissing() ?? false) : skipWithoutGo

interface Cloud {
  readonly name: string
  readonly uri: string
  readonly front: ServiceFront
  readonly secrets: readonly string[]
  objects(): Promise<ReadonlyMap<string, Buffer>>
}

test.describe('changefeeds into other clouds', { skip }, () => {
  let server: TestServer
  let gcs: FakeGcs
  let azurite: Azurite
  before(async () => {
    gcs = await FakeGcs.start({ wantsToken: false })
    await gcs.makeBucket('lake')
    azurite = await Azurite.start()
    await azurite.container('lake').create()
    // The server sends no token then.
    process.env['STORAGE_EMULATOR_HOST'] = gcs.front.url
    server = await TestServer.start()
  })
  after(async () => {
    delete process.env['STORAGE_EMULATOR_HOST']
    await server?.[Symbol.asyncDispose]()
    await azurite?.[Symbol.asyncDispose]()
    await gcs?.[Symbol.asyncDispose]()
  })

  async function feeds({ name, uri, front, secrets, objects }: Cloud): Promise<void> {
    await server.sql(`CREATE TABLE ${name} (a INT PRIMARY KEY); INSERT INTO ${name} VALUES (1), (2)`)
    front.next.push({ status: 503 }, 'cut', 'lose')
    const [created] = await server.sql(
      `CREATE CHANGEFEED FOR ${name} INTO '${uri}' WITH updated, resolved = '100ms', min_checkpoint_frequency = '100ms', compression = 'gzip'`,
    )
    await server.sql(`INSERT INTO ${name} VALUES (3)`)
    const files = await until('all rows, and a RESOLVED file', withinMs, async () => {
      const found = [...(await objects())].map(([key, bytes]) => fileOf(key, bytes))
      const rows = found.filter(({ topic }) => topic !== undefined).flatMap(linesOf)
      const isResolved = found.some(({ topic }) => topic === undefined)
      return isResolved && new Set(rows.map((row) => /"a": (\d)/.exec(row)?.[1])).size === 3 ? found : undefined
    })
    assert.ok(files.every(({ topic }) => topic === undefined || topic === name))
    const shown = JSON.stringify(await server.sql('SHOW JOBS'))
    const log = readFileSync(join(server.storeDir, 'logs/changefeed.log'), 'utf8')
    for (const secret of secrets) {
      for (const text of [shown, log, server.output]) assert.equal(text.includes(secret), false)
    }
    await server.sql(`CANCEL JOB ${String(created?.['job_id'])}`)
  }

  test('into Google Cloud Storage', async () => {
    await feeds({
      name: 'googled',
      uri: 'experimental-gs://lake/feeds/googled?AUTH=implicit',
      front: gcs.front,
      secrets: [],
      objects: () => gcs.objects('lake', 'feeds/googled'),
    })
  })

  test('into Azure Blob Storage, under each of its schemes', async () => {
    for (const [scheme, name] of [
      ['azure-blob', 'blobbed'],
      ['azure', 'azured'],
      ['experimental-azure', 'tried'],
    ] as const) {
      await feeds({
        name,
        uri: `${scheme}://lake/feeds/${name}?${azurite.parameters}`,
        front: azurite.front,
        secrets: [azureAccount.key, encodeURIComponent(azureAccount.key)],
        objects: () => azurite.objects('lake', `feeds/${name}`),
      })
    }
  })
})
