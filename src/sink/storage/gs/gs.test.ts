import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { skipWithoutGo } from '../../../../test/services/go-program.ts'
import { FakeGcs, googleError, googleKey, tokenFetch } from '../../../../test/services/storage/fake-gcs.ts'
import { cloudKit, object, thrownBy } from '../../../../test/services/storage/cloud-kit.ts'
import { sinkSuite } from '../../../../test/suites/sink-suite.ts'
import { FeedError } from '../../../errors/feed-error.ts'
import type { GoogleKey } from '../../google-credentials.ts'
import { SinkParameters } from '../../sink-parameters.ts'
import { showSinkUri } from '../../sink-uri.ts'
import type { StorageClient } from '../storage-client.ts'
import { gs } from './kind.ts'
import type { GsLocation } from './location.ts'
import { open } from './open.ts'

const { signal } = new AbortController()
const skip = skipWithoutGo
const key: GoogleKey = { tag: 'service-account', email: googleKey.client_email, key: googleKey.private_key }
const implicit = { key: { tag: 'implicit' }, assumeRoles: [] } as const
let service: FakeGcs

async function start(): Promise<void> {
  service = await FakeGcs.start()
  await service.makeBucket('files')
}

function location(folder: string, changes: Partial<GsLocation> = {}): GsLocation {
  return { tag: 'gs', bucket: 'files', folder, credentials: { key, assumeRoles: [] }, ...changes }
}

function connect(
  to: GsLocation,
  more: { readonly idleMs?: number; readonly defaultKey?: string } = {},
): Promise<StorageClient> {
  return open(to, {
    mayReachMetadata: false,
    log: () => undefined,
    url: service.front.url,
    fetch: tokenFetch(),
    defaultKey: undefined,
    ...more,
  })
}

sinkSuite(
  'into Google Cloud Storage',
  cloudKit({
    skip,
    start,
    service: () => service,
    connect: (folder, isImpatient) => connect(location(folder), isImpatient ? { idleMs: 200 } : {}),
  }),
)

test.describe('a client of Google Cloud Storage', { skip }, () => {
  before(start)
  after(() => service?.[Symbol.asyncDispose]())

  test('an object has the bytes and the name that it was given, with the key of the URI and with that of the setting', async () => {
    for (const [folder, changes, more] of [
      ['own', {}, {}],
      ['default', { credentials: implicit, isDefault: true }, { defaultKey: JSON.stringify(googleKey) }],
    ] as const) {
      await using client = await connect(location(folder, changes), more)
      await client.check?.(signal)
      await client.put(object, [Buffer.from('first, and longer')], signal)
      await client.put({ ...object, contentEncoding: 'gzip' }, [Buffer.from('a'), Buffer.from('b')], signal)
      const found = [...(await service.objects('files', folder))].map(([name, bytes]) => [name, String(bytes)])
      assert.deepEqual(found, [[object.name, 'ab']])
    }
    await assert.rejects(
      connect(location('x', { credentials: implicit, isDefault: true }), { defaultKey: '{}' }),
      /the key file in cloudstorage.gs.default.key must be of type service_account/,
    )
  })

  test('an object that is written in parts is invisible until it is whole, and a part that was lost is sent again', async () => {
    await using client = await connect(location('parts'))
    const whole = Buffer.alloc(3_000_000, 'abc')
    const upload = await client.begin(object, signal)
    await upload.write(whole.subarray(0, 1_100_000), signal)
    service.front.next.push('cut')
    await thrownBy(upload.write(whole.subarray(1_100_000, 2_500_000), signal))
    await upload.write(whole.subarray(1_100_000, 2_500_000), signal)
    assert.equal((await service.objects('files', 'parts')).size, 0)
    service.front.next.push('lose')
    await thrownBy(upload.write(whole.subarray(2_500_000), signal))
    await upload.write(whole.subarray(2_500_000), signal)
    service.front.next.push('lose')
    await thrownBy(upload.complete(signal))
    await upload.complete(signal)
    assert.ok((await service.objects('files', 'parts')).get(object.name)?.equals(whole))
    const other = await client.begin({ ...object, name: 'other' }, signal)
    await other.write(whole.subarray(0, 1_000_000), signal)
    await other.abort()
    assert.equal((await service.objects('files', 'parts')).has('other'), false)
  })

  test('an error says whether the file is sent again, what happened, and what to do', async () => {
    await using client = await connect(location('x'))
    for (const [trouble, tag, hint] of [
      [googleError(500), 'failed', undefined],
      [googleError(503), 'failed', undefined],
      [googleError(429), 'failed', undefined],
      [googleError(408), 'failed', undefined],
      [googleError(401), 'expired', /new token/],
      [googleError(403), 'refused', /storage.objects.create/],
      [googleError(404), 'refused', /create the bucket/],
      [googleError(302), 'refused', undefined],
      ['cut', 'failed', undefined],
      ['lose', 'failed', undefined],
    ] as const) {
      service.front.next.push(trouble)
      const found = client.trouble(await thrownBy(client.put(object, [Buffer.alloc(300_000)], signal)))
      assert.equal(found.tag, tag, JSON.stringify(trouble))
      assert.equal(found.error.code, 'FEED_SINK')
      assert.match(found.error.message, /^gs:\/\/files\/x(?:: Google answered \d+: no \d+| cannot be reached: .)/)
      if (hint !== undefined) assert.match(found.error.hint ?? '', hint)
      if (tag === 'expired') await client.renew?.(signal)
    }
    await client.put(object, [Buffer.from('x')], signal)
  })

  test('a check refuses a bucket that is not there and a key that is not known', async () => {
    await using nowhere = await connect(location('x', { bucket: 'nowhere' }))
    await assert.rejects(async () => nowhere.check?.(signal), /Google answered 404/)
    const other: GoogleKey = { ...key, email: 'nobody@p.iam.gserviceaccount.com' }
    await using stranger = await connect(location('x', { credentials: { key: other, assumeRoles: [] } }))
    await assert.rejects(
      async () => stranger.check?.(signal),
      (error) => error instanceof FeedError && error.code === 'FEED_CREDENTIALS' && !error.message.includes('PRIVATE'),
    )
  })
})

test('a URI of Google names the bucket and the way to log in, and its key is not shown', () => {
  const read = (place: string, query: string): GsLocation => {
    const parameters = new SinkParameters(query, 1)
    const found = gs.readLocation({ scheme: 'gs', place, parameters })
    parameters.end(gs.label, Object.keys(gs.parameters))
    return found
  }
  const encoded = encodeURIComponent(Buffer.from(JSON.stringify(googleKey)).toString('base64'))
  assert.deepEqual(read('b-1/x/y', `AUTH=specified&CREDENTIALS=${encoded}&ASSUME_ROLE=a@p,b@p`), {
    tag: 'gs',
    bucket: 'b-1',
    folder: 'x/y',
    credentials: { key, assumeRoles: ['a@p', 'b@p'] },
  })
  assert.deepEqual([read('bucket', '').credentials, read('bucket', 'AUTH=default').isDefault], [implicit, true])
  assert.deepEqual(
    [read('bucket', 'AUTH=implicit').credentials, read('bucket', 'AUTH=implicit').isDefault],
    [implicit, undefined],
  )
  assert.equal(gs.isImplicit?.(read('bucket', ''), {}), true)
  assert.equal(gs.isImplicit?.(read('bucket', ''), { defaultKey: '{}' }), false)
  const external = Buffer.from('{"type":"external_account","credential_source":{"file":"/etc/passwd"}}').toString(
    'base64',
  )
  for (const [place, query, message] of [
    ['', '', /must specify a target bucket/],
    ['bucket', 'AUTH=specified', /missing credentials parameter/],
    ['bucket', `CREDENTIALS=${encoded}`, /CREDENTIALS is only a valid parameter for AUTH=specified/],
    ['bucket', `AUTH=specified&CREDENTIALS=${encodeURIComponent(external)}`, /must be of type service_account/],
    ['bucket', 'AUTH=specified&CREDENTIALS=%25', /must be base 64 encoded/],
    ['bucket', 'ASSUME_ROLE=me', /must be the e-mail address of a service account/],
    ['bucket', 'AUTH=maybe', /unsupported value maybe for AUTH/],
    ['bucket', 'CREDENTIAL=x', /unknown Google Cloud Storage query parameters: \[CREDENTIAL\]/],
  ] as const) {
    assert.throws(() => read(place, query), message)
  }
  assert.equal(
    showSinkUri(`gs://b?AUTH=specified&CREDENTIALS=${encoded}`),
    'gs://b?AUTH=specified&CREDENTIALS=redacted',
  )
})
