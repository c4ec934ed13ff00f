import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Resolve } from '../../../net/guarded-lookup.ts'
import { SinkParameters } from '../../sink-parameters.ts'
import { open as openAzure } from '../azure/open.ts'
import { azure } from '../azure/kind.ts'
import { open as openGs } from '../gs/open.ts'
import { gs } from '../gs/kind.ts'
import { open as openS3 } from '../s3/open.ts'
import { s3 } from '../s3/kind.ts'
import type { StorageClient } from '../storage-client.ts'
import { makeAgents, type Agents } from './agents.ts'

const { signal } = new AbortController()
const endpoint = 'http://harmless.example'

/** A client of each cloud, whose far end is at the endpoint. */
const clients: readonly (readonly [string, (agents: Agents) => Promise<StorageClient>])[] = [
  [
    's3',
    (agents) => {
      const query = `AWS_ACCESS_KEY_ID=i&AWS_SECRET_ACCESS_KEY=s&AWS_REGION=r&AWS_ENDPOINT=${endpoint}`
      const location = s3.readLocation({ scheme: 's3', place: 'b/x', parameters: new SinkParameters(query, 1) })
      return openS3(location, { allowedHosts: [], mayReachMetadata: false, log: () => undefined, agents })
    },
  ],
  [
    'gs',
    async (agents) => {
      const location = gs.readLocation({ scheme: 'gs', place: 'b/x', parameters: new SinkParameters('', 1) })
      process.env['STORAGE_EMULATOR_HOST'] = endpoint
      try {
        return await openGs(location, { mayReachMetadata: false, defaultKey: undefined, log: () => undefined, agents })
      } finally {
        delete process.env['STORAGE_EMULATOR_HOST']
      }
    },
  ],
  [
    'azure',
    (agents) => {
      const query = `AZURE_ACCOUNT_NAME=a&AZURE_ACCOUNT_KEY=YQ==&AZURE_ENDPOINT=${endpoint}`
      const location = azure.readLocation({ scheme: 'azure', place: 'b/x', parameters: new SinkParameters(query, 1) })
      return openAzure(location, { mayReachMetadata: false, log: () => undefined, agents })
    },
  ],
]

for (const [name, open] of clients) {
  test(`a client of ${name} does not connect to a name that has the address of a metadata service`, async () => {
    const asked: string[] = []
    const resolve: Resolve = (host, _options, found) => {
      asked.push(host)
      found(null, [{ address: '169.254.169.254', family: 4 }])
    }
    await using client = await open(makeAgents({ mayReachMetadata: false }, { resolve }))
    const object = { name: 'a', contentType: 'text/plain' }
    const thrown = await client.put(object, [Buffer.from('x')], signal).then(
      () => assert.fail('it was written'),
      (error: unknown) => error,
    )
    const { tag, error } = client.trouble(thrown)
    assert.deepEqual([tag, error.code], ['refused', 'FEED_PRIVILEGE'])
    assert.match(error.message, /sinks may not reach 169\.254\.169\.254/)
    assert.deepEqual(asked, ['harmless.example'])
    await assert.rejects(async () => client.check?.(signal), /sinks may not reach/)
  })
}
