import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import {
  azureAccount,
  azureError,
  Azurite,
  azuriteIsMissing,
} from '../../../../test/services/storage/azurite-service.ts'
import type { FrontTrouble } from '../../../../test/services/storage/service-front.ts'
import { cloudKit, object, thrownBy } from '../../../../test/services/storage/cloud-kit.ts'
import { sinkSuite } from '../../../../test/suites/sink-suite.ts'
import { SinkParameters } from '../../sink-parameters.ts'
import { showSinkUri } from '../../sink-uri.ts'
import type { StorageClient } from '../storage-client.ts'
import { azure } from './kind.ts'
import type { AzureCredentials, AzureLocation } from './location.ts'
import { open } from './open.ts'

const { signal } = new AbortController()
const skip = azuriteIsMissing() ?? false
let service: Azurite

async function start(): Promise<void> {
  service = await Azurite.start()
  await service.container('files').create()
}

function location(folder: string, changes: Partial<AzureLocation> = {}): AzureLocation {
  return {
    tag: 'azure',
    bucket: 'files',
    folder,
    url: service.url,
    account: azureAccount.name,
    credentials: { tag: 'key', key: azureAccount.key },
    authority: 'https://127.0.0.1:1',
    ...changes,
  }
}

function connect(to: AzureLocation, idleMs?: number): Promise<StorageClient> {
  return open(to, {
    mayReachMetadata: false,
    log: () => undefined,
    ...(idleMs === undefined ? {} : { idleMs }),
  })
}

sinkSuite(
  'into Azure',
  cloudKit({
    skip,
    start,
    service: () => service,
    connect: (folder, isImpatient) => connect(location(folder), isImpatient ? 500 : undefined),
  }),
)

function signature(permissions: string, minutes: number): AzureCredentials {
  const until = new Date(Date.now() + minutes * 60_000)
  const from = new Date(Date.now() - 3_600_000)
  const key = new StorageSharedKeyCredential(azureAccount.name, azureAccount.key)
  const values = { containerName: 'files', startsOn: from, expiresOn: until }
  const token = generateBlobSASQueryParameters(
    { ...values, permissions: ContainerSASPermissions.parse(permissions) },
    key,
  )
  return { tag: 'sas', token: String(token) }
}

test.describe('a client of Azure', { skip }, () => {
  before(start)
  after(() => service?.[Symbol.asyncDispose]())

  test('a blob has the bytes and the name that it was given, with a key and with a signature', async () => {
    for (const [folder, credentials] of [
      ['key', { tag: 'key', key: azureAccount.key }],
      ['sas', signature('cw', 60)],
    ] as const) {
      await using client = await connect(location(folder, { credentials }))
      await client.check?.(signal)
      await client.put(object, [Buffer.from('first, and longer')], signal)
      await client.put({ ...object, contentEncoding: 'gzip' }, [Buffer.from('a'), Buffer.from('b')], signal)
      const found = [...(await service.objects('files', folder))].map(([name]) => name)
      assert.deepEqual(found, [object.name])
      const { contentType, contentEncoding } = await service
        .container('files')
        .getBlobClient(`${folder}/${object.name}`)
        .getProperties()
      assert.deepEqual([contentType, contentEncoding], ['application/gzip', undefined])
    }
  })

  test('a large blob is invisible until its blocks are committed, and what was lost is sent again', async () => {
    await using client = await connect(location('large'))
    const pieces = Array.from({ length: 170 }, (_, i) => Buffer.alloc(240 * 1024, i))
    const whole = Buffer.concat(pieces)
    await client.put(object, pieces, signal)
    assert.ok((await service.objects('files', 'large')).get(object.name)?.equals(whole))
    const upload = await client.begin({ ...object, name: 'parts' }, signal)
    service.front.next.push('cut')
    await thrownBy(upload.write(whole.subarray(0, 1_000_000), signal))
    await upload.write(whole.subarray(0, 1_000_000), signal)
    await upload.write(whole.subarray(1_000_000, 1_500_000), signal)
    assert.equal((await service.objects('files', 'large')).has('parts'), false)
    service.front.next.push('lose')
    await thrownBy(upload.complete(signal))
    await upload.complete(signal)
    assert.ok((await service.objects('files', 'large')).get('parts')?.equals(whole.subarray(0, 1_500_000)))
  })

  test('an error says whether the file is sent again, what happened, and what to do', async () => {
    await using client = await connect(location('x'))
    const answer = (status: number, code: string): FrontTrouble =>
      azureError(status, code, `${code} ${azureAccount.key}\nTime:1`)
    for (const [trouble, tag, hint] of [
      [answer(500, 'InternalError'), 'failed', undefined],
      [answer(503, 'ServerBusy'), 'failed', undefined],
      [answer(429, 'TooManyRequests'), 'failed', undefined],
      [answer(403, 'AuthenticationFailed'), 'refused', /AZURE_ACCOUNT_KEY/],
      [answer(403, 'AuthorizationPermissionMismatch'), 'refused', /Storage Blob Data Contributor/],
      [answer(404, 'ContainerNotFound'), 'refused', /create the container files/],
      ['cut', 'failed', undefined],
      ['lose', 'failed', undefined],
    ] as const) {
      service.front.next.push(trouble)
      const found = client.trouble(await thrownBy(client.put(object, [Buffer.alloc(300_000)], signal)))
      assert.equal(found.tag, tag, JSON.stringify(trouble))
      assert.equal(found.error.code, 'FEED_SINK')
      assert.match(found.error.message, /^azure-blob:\/\/files\/x(?:: Azure answered \d+ \w+| cannot be reached: .)/)
      assert.ok(!found.error.message.includes(azureAccount.key))
      if (hint !== undefined) assert.match(found.error.hint ?? '', hint)
    }
  })

  test('a check refuses a container that is not there, a wrong key, and a signature that has ended', async () => {
    const check = async (changes: Partial<AzureLocation>): Promise<void> => {
      await using client = await connect(location('x', changes))
      await client.check?.(signal)
    }
    await assert.rejects(check({ bucket: 'nowhere' }), /Azure answered 404 ContainerNotFound/)
    const key = Buffer.from('another').toString('base64')
    await assert.rejects(
      check({ credentials: { tag: 'key', key } }),
      /Azure answered 403 AuthenticationFailed|AuthorizationFailure/,
    )
    await assert.rejects(check({ credentials: signature('rcwl', -5) }), /Azure answered 403/)
    await assert.rejects(
      check({
        credentials: { tag: 'client', tenant: '00000000-0000-0000-0000-000000000001', id: 'i', secret: 's3cret' },
      }),
      (error: Error) =>
        /there is no token for Azure|cannot be reached/.test(error.message) && !error.message.includes('s3cret'),
    )
  })
})

test('a URI of Azure names the container and the way to log in, and its secrets are not shown', () => {
  const read = (query: string, place = 'lake/x/y'): AzureLocation => {
    const parameters = new SinkParameters(query, 1)
    const found = azure.readLocation({ scheme: 'azure', place, parameters })
    parameters.end(azure.label, Object.keys(azure.parameters))
    return found
  }
  assert.deepEqual(read('AZURE_ACCOUNT_NAME=acme&AZURE_ACCOUNT_KEY=a+b%2Bc=='), {
    tag: 'azure',
    bucket: 'lake',
    folder: 'x/y',
    url: 'https://acme.blob.core.windows.net',
    account: 'acme',
    credentials: { tag: 'key', key: 'a+b+c==' },
    authority: 'https://login.microsoftonline.com',
  })
  const account = 'AZURE_ACCOUNT_NAME=acme'
  assert.equal(
    read(`${account}&AUTH=implicit&AZURE_ENVIRONMENT=AZUREUSGOVERNMENTCLOUD`).url,
    'https://acme.blob.core.usgovcloudapi.net',
  )
  assert.deepEqual(read(`${account}&AZURE_SAS_TOKEN=${encodeURIComponent('?sv=1&sig=a%2Bb')}`).credentials, {
    tag: 'sas',
    token: 'sv=1&sig=a%2Bb',
  })
  const client = 'AUTH=specified&AZURE_CLIENT_ID=i&AZURE_CLIENT_SECRET=s&AZURE_TENANT_ID=t'
  assert.deepEqual(read(`${account}&${client}`).credentials, { tag: 'client', id: 'i', secret: 's', tenant: 't' })
  for (const [query, message] of [
    ['AZURE_ACCOUNT_KEY=YQ==', /AZURE_ACCOUNT_NAME is not set/],
    [`${account}&AUTH=specified&AZURE_CLIENT_ID=i&AZURE_CLIENT_SECRET=s&AZURE_TENANT_ID=a/b`, /is no tenant/],
    ['AZURE_ACCOUNT_NAME=a.evil&AZURE_ACCOUNT_KEY=YQ==', /is no name of a storage account/],
    [account, /AZURE_ACCOUNT_KEY is not set/],
    [`${account}&AZURE_ACCOUNT_KEY=%25`, /must be base 64 encoded/],
    [`${account}&AZURE_SAS_TOKEN=sv=1`, /has no signature/],
    [`${account}&AUTH=implicit&AZURE_ACCOUNT_KEY=YQ==`, /AZURE_ACCOUNT_KEY has no use with AUTH=implicit/],
    [`${account}&AUTH=specified&AZURE_CLIENT_ID=i`, /AZURE_CLIENT_SECRET is not set/],
    [`${account}&AZURE_ACCOUNT_KEY=YQ==&AZURE_ENVIRONMENT=MOON`, /unsupported value MOON for AZURE_ENVIRONMENT/],
    [
      `${account}&AZURE_ACCOUNT_KEY=YQ==&AZURE_ENVIRONMENT=AZURECHINACLOUD&AZURE_ENDPOINT=https://h`,
      /AZURE_ENVIRONMENT has no use with AZURE_ENDPOINT/,
    ],
    [`${account}&AZURE_ACCOUNT_KEY=YQ==&AZURE_TENANT_ID=t`, /AZURE_TENANT_ID has no use without AUTH=specified/],
  ] as const) {
    assert.throws(() => read(query), message)
  }
  assert.equal(
    showSinkUri(`azure://c/p?${account}&AZURE_ACCOUNT_KEY=k&AZURE_SAS_TOKEN=s&AZURE_CLIENT_SECRET=x`),
    `azure://c/p?${account}&AZURE_ACCOUNT_KEY=redacted&AZURE_SAS_TOKEN=redacted&AZURE_CLIENT_SECRET=redacted`,
  )
})
