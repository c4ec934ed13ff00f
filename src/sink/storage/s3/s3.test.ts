import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { skipWithoutGo } from '../../../../test/services/go-program.ts'
import { cloudKit, object, thrownBy } from '../../../../test/services/storage/cloud-kit.ts'
import type { FrontTrouble } from '../../../../test/services/storage/service-front.ts'
import { s3Error, s3Keys, s3Listed, s3Taken, Versitygw } from '../../../../test/services/storage/versitygw.ts'
import { until } from '../../../../test/support/until.ts'
import { sinkSuite } from '../../../../test/suites/sink-suite.ts'
import { FeedError } from '../../../errors/feed-error.ts'
import type { StorageClient } from '../storage-client.ts'
import type { S3Location } from './location.ts'
import { open } from './open.ts'

const { signal } = new AbortController()
const skip = skipWithoutGo
const withinMs = 20_000
let service: Versitygw

async function start(): Promise<void> {
  service = await Versitygw.start()
  await service.makeBucket('files')
}

function location(folder: string, changes: Partial<S3Location> = {}): S3Location {
  return {
    tag: 's3',
    bucket: 'files',
    folder,
    credentials: { tag: 'keys', id: s3Keys.id, secret: s3Keys.secret },
    roles: [],
    region: 'us-east-1',
    endpoint: service.front.url,
    isPathStyle: true,
    ...changes,
  }
}

const said: string[] = []
function connect(to: S3Location, idleMs?: number): Promise<StorageClient> {
  return open(to, {
    allowedHosts: [],
    mayReachMetadata: false,
    log: (_, text) => said.push(text),
    ...(idleMs === undefined ? {} : { idleMs }),
  })
}

sinkSuite(
  'into S3',
  cloudKit({
    skip,
    start,
    service: () => service,
    connect: (folder, isImpatient) => connect(location(folder), isImpatient ? 200 : undefined),
  }),
)

test.describe('a client of S3', { skip }, () => {
  before(start)
  after(() => service?.[Symbol.asyncDispose]())

  test('what answers 200 to everything is not taken for S3', async () => {
    await using client = await connect(location('nowhere'))
    service.front.next.push({ status: 200 })
    const { tag, error } = client.trouble(await thrownBy(client.put(object, [Buffer.from('x')], signal)))
    assert.deepEqual([tag, error.code, error.retry], ['failed', 'FEED_SINK', true])
    assert.match(error.message, / does not look like one of S3: 200 OK$/)
  })

  test('an object has the bytes and the name that it was given, and one that is put again replaces it', async () => {
    await using client = await connect(location('whole'))
    await client.check?.(signal)
    await client.put(object, [Buffer.from('first, and longer')], signal)
    await client.put(object, [Buffer.from('a'), Buffer.from('b')], signal)
    assert.deepEqual(
      [...(await service.objects('files', 'whole'))].map(([name, bytes]) => [name, String(bytes)]),
      [[object.name, 'ab']],
    )
    const headers = service.front.requests.findLast(({ method }) => method === 'PUT')?.headers
    assert.equal(headers?.['content-type'], 'application/x-ndjson')
    assert.ok(headers?.['x-amz-checksum-crc32'] !== undefined)
  })

  test('the class, the encryption and the session token are sent as the URI says, and no checksum where it says so', async () => {
    service.front.next.push(s3Taken)
    await using client = await connect(
      location('x', {
        storageClass: 'STANDARD_IA',
        encryption: { mode: 'aws:kms', keyId: 'k1' },
        skipsChecksum: true,
        credentials: { tag: 'keys', id: s3Keys.id, secret: s3Keys.secret, sessionToken: 't0ken' },
      }),
    )
    await client.put({ ...object, contentEncoding: 'gzip' }, [Buffer.from('x')], signal)
    const headers = service.front.requests.at(-1)?.headers
    const names = [
      'x-amz-storage-class',
      'x-amz-server-side-encryption',
      'x-amz-server-side-encryption-aws-kms-key-id',
      'x-amz-security-token',
      'content-type',
      'content-encoding',
      'x-amz-checksum-crc32',
    ]
    assert.deepEqual(
      names.map((name) => headers?.[name]),
      ['STANDARD_IA', 'aws:kms', 'k1', 't0ken', 'application/gzip', undefined, undefined],
    )
  })

  test('a large object is written in parts, is invisible until it is whole, and leaves nothing when it is given up', async () => {
    await using client = await connect(location('large'))
    const pieces = Array.from({ length: 170 }, (_, i) => Buffer.alloc(240 * 1024, i))
    await client.put(object, pieces, signal)
    const whole = Buffer.concat(pieces)
    assert.ok((await service.objects('files', 'large')).get(object.name)?.equals(whole))
    await using plain = await connect(location('plain', { skipsChecksum: true }))
    await plain.put(object, pieces, signal)
    assert.ok((await service.objects('files', 'plain')).get(object.name)?.equals(whole))

    const upload = await client.begin({ ...object, name: 'parts' }, signal)
    service.front.next.push('cut')
    await thrownBy(upload.write(whole.subarray(0, 6 << 20), signal))
    await upload.write(whole.subarray(0, 6 << 20), signal)
    assert.equal((await service.objects('files', 'large')).has('parts'), false)
    await upload.write(whole.subarray(6 << 20, 7 << 20), signal)
    service.front.next.push('lose')
    await thrownBy(upload.complete(signal))
    await upload.complete(signal)
    assert.ok((await service.objects('files', 'large')).get('parts')?.equals(whole.subarray(0, 7 << 20)))

    const other = await client.begin({ ...object, name: 'other' }, signal)
    await other.write(whole.subarray(0, 6 << 20), signal)
    assert.deepEqual(await service.uploads('files'), ['large/other'])
    await other.abort()
    assert.deepEqual(await service.uploads('files'), [])
    service.front.trouble = ({ path }) => (path.includes('partNumber=3') ? s3Error(500, 'InternalError') : 'pass')
    await thrownBy(client.put({ ...object, name: 'third' }, pieces, signal))
    service.front.trouble = () => 'pass'
    assert.deepEqual(await service.uploads('files'), [])
    assert.equal((await service.objects('files', 'large')).has('third'), false)
  })

  test('a client that is closed while an object is put in parts leaves no parts', async () => {
    const stop = new AbortController()
    service.front.trouble = ({ path }) => (path.includes('partNumber=2') ? 'hold' : 'pass')
    const client = await connect(location('closed'))
    const pieces = Array.from({ length: 170 }, (_, i) => Buffer.alloc(240 * 1024, i))
    const put = thrownBy(client.put(object, pieces, stop.signal))
    await until('a part', withinMs, async () => ((await service.uploads('files')).length > 0 ? true : undefined))
    stop.abort()
    await client[Symbol.asyncDispose]()
    service.front.trouble = () => 'pass'
    assert.deepEqual(await service.uploads('files'), [])
    await put
  })

  test('an upload that is given up while S3 begins it leaves nothing', async () => {
    await using client = await connect(location('begun'))
    const stop = new AbortController()
    service.front.passed = ({ method, path }) => {
      if (method === 'POST' && /[?&]uploads/.test(path)) stop.abort(new Error('it is paused'))
    }
    const error = await thrownBy(client.begin(object, stop.signal))
    service.front.passed = () => undefined
    assert.match(String(error), /it is paused/)
    assert.deepEqual(await service.uploads('files'), [])
  })

  test('an error says whether the file is sent again, what happened, and what to do', async () => {
    await using client = await connect(location('x'))
    await using renewable = await connect(location('x', { roles: [{ arn: 'arn:aws:iam::1:role/r' }] }))
    for (const [trouble, tag, hint] of [
      [s3Error(500, 'InternalError'), 'failed', undefined],
      [s3Error(503, 'SlowDown', 'Please reduce your request rate.'), 'failed', undefined],
      [{ status: 503, headers: { 'retry-after': '7' } }, 'failed', undefined],
      [{ status: 502, body: '<html>bad gateway</html>' }, 'failed', undefined],
      [s3Error(429, 'TooManyRequests'), 'failed', undefined],
      [s3Error(400, 'RequestTimeout'), 'failed', undefined],
      [s3Error(400, 'ExpiredToken', 'The provided token has expired.'), 'expired', /AWS_SESSION_TOKEN/],
      [s3Error(403, 'RequestExpired'), 'expired', undefined],
      [s3Error(403, 'AccessDenied', 'Access Denied'), 'refused', /s3:PutObject/],
      [s3Error(403, 'InvalidAccessKeyId'), 'refused', /AWS_ACCESS_KEY_ID/],
      [s3Error(403, 'SignatureDoesNotMatch', `no match: ${s3Keys.secret}`), 'refused', /AWS_SECRET_ACCESS_KEY/],
      [s3Error(404, 'NoSuchBucket'), 'refused', /create the bucket/],
      [s3Error(400, 'AuthorizationHeaderMalformed'), 'refused', /AWS_REGION/],
      [s3Error(301, 'PermanentRedirect'), 'refused', /AWS_REGION/],
      ['cut', 'failed', undefined],
      ['lose', 'failed', undefined],
    ] as const satisfies readonly (readonly [FrontTrouble, string, RegExp | undefined])[]) {
      service.front.next.push(trouble)
      const what = JSON.stringify(trouble)
      const error = await thrownBy(client.put(object, [Buffer.alloc(1_000_000)], signal))
      const found = client.trouble(error)
      assert.equal(found.tag, tag, what)
      assert.equal(found.error.code, 'FEED_SINK', what)
      assert.match(found.error.message, /^s3:\/\/files\/x(?:: S3 answered \d+| cannot be reached: .)/, what)
      assert.ok(!`${found.error.message} ${found.error.hint ?? ''}`.includes(s3Keys.secret), what)
      assert.equal(found.error.cause, undefined)
      if (hint !== undefined) assert.match(found.error.hint ?? '', hint, what)
      if (tag === 'expired') assert.equal(renewable.trouble(error).error.hint, 'new credentials are fetched')
      if (what.includes('retry-after')) assert.equal(found.pauseMs, 7000)
    }
  })

  test('an error that S3 sends after it has answered 200 is said in its words, without secrets', async () => {
    await using client = await connect(location('late'))
    const upload = await client.begin({ ...object, name: 'late' }, signal)
    await upload.write(Buffer.alloc(6 << 20), signal)
    const trouble = s3Error(200, 'InternalError', 'We encountered an internal error. Please try again.')
    const words = 'S3 answered 200 with the error InternalError: We encountered an internal error. Please try again.'
    for (const [answer, said] of [
      [trouble, words],
      // It sends blanks while it works, so that the connection stays.
      [{ ...trouble, body: `\n  \n${trouble.body}` }, words],
      [{ ...trouble, body: `${trouble.body}\n` }, words],
      [s3Error(200, 'SlowDown', `not ${s3Keys.secret}`), 'S3 answered 200 with the error SlowDown: not redacted'],
      [s3Error(200, 'AccessDenied'), 'S3 answered 200 with the error AccessDenied'],
      [{ ...trouble, body: '' }, 'S3 answered 200 and did not say whether the object is complete'],
      [{ ...trouble, body: ' \n ' }, 'S3 answered 200 and did not say whether the object is complete'],
    ] as const) {
      service.front.next.push(answer)
      const found = client.trouble(await thrownBy(upload.complete(signal)))
      assert.deepEqual([found.tag, found.error.message], ['failed', `s3://files/late: ${said}`])
    }
    await upload.complete(signal)
    assert.equal((await service.objects('files', 'late')).get('late')?.length, 6 << 20)
  })

  test('an answer of 500 is said in the words of S3', async () => {
    await using client = await connect(location('x'))
    service.front.next.push(s3Error(500, 'InternalError', 'Please try again.'))
    const { error } = client.trouble(await thrownBy(client.put(object, [Buffer.from('x')], signal)))
    assert.equal(error.message, 's3://files/x: S3 answered 500 InternalError: Please try again.')
  })

  test('a check refuses a bucket that is not there and wrong keys, and lets in whoever may only write', async () => {
    const check = async (changes: Partial<S3Location>): Promise<void> => {
      await using client = await connect(location('x', changes))
      await client.check?.(signal)
    }
    await assert.rejects(check({ bucket: 'nowhere' }), /S3 answered 404 NoSuchBucket/)
    const wrong = { tag: 'keys', id: s3Keys.id, secret: 'wr0ng-key' } as const
    await assert.rejects(check({ credentials: wrong }), /S3 answered 403 SignatureDoesNotMatch/)
    await assert.rejects(check({ credentials: { ...wrong, id: 'NOBODY' } }), /S3 answered 403 InvalidAccessKeyId/)
    await assert.rejects(check({ endpoint: 'http://127.0.0.1:1' }), /cannot be reached: .*ECONNREFUSED/)
    service.front.trouble = ({ method }) => (method === 'GET' ? s3Error(403, 'AccessDenied') : 'pass')
    await check({})
    service.front.trouble = () => 'pass'
  })

  test('a bucket in another region is found, unless the URI names the region', async () => {
    const moved = s3Error(400, 'AuthorizationHeaderMalformed')
    const answer = { ...moved, headers: { ...moved.headers, 'x-amz-bucket-region': 'eu-west-1' } }
    service.front.trouble = ({ headers, method }) =>
      /us-east-1/.test(headers.authorization ?? '') ? answer : method === 'GET' ? s3Listed : s3Taken
    await using client = await connect(location('x', { region: undefined }))
    await client.check?.(signal)
    await client.put(object, [Buffer.from('x')], signal)
    assert.match(service.front.requests.at(-1)?.headers.authorization ?? '', /\/eu-west-1\/s3\//)
    await using fixed = await connect(location('x'))
    await assert.rejects(
      async () => fixed.check?.(signal),
      (error) => error instanceof FeedError && error.hint === 'the bucket is in another region: AWS_REGION=eu-west-1',
    )
    service.front.trouble = () => 'pass'
  })

  test('credentials of a role are fetched at the token service, and again when S3 says that they have expired', async () => {
    let issued = 0
    service.front.trouble = ({ method, path }) => {
      if (method !== 'POST' || path !== '/') return 'pass'
      issued += 1
      return {
        status: 200,
        headers: { 'content-type': 'text/xml' },
        body: `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>${s3Keys.id}</AccessKeyId><SecretAccessKey>${s3Keys.secret}</SecretAccessKey><SessionToken>token${issued}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
      }
    }
    await using client = await connect(
      location('role', { roles: [{ arn: 'arn:aws:iam::1:role/r', externalId: 'e1' }] }),
    )
    const put = async (answer: FrontTrouble): Promise<unknown> => {
      service.front.trouble = (
        (issue) => (request) =>
          request.method === 'PUT' ? answer : issue(request)
      )(service.front.trouble)
      return client.put(object, [Buffer.from('x')], signal).catch((error: unknown) => error)
    }
    const expired = await put(s3Error(403, 'ExpiredToken'))
    assert.equal(client.trouble(expired).tag, 'expired')
    await client.renew?.(signal)
    assert.equal(await put(s3Taken), undefined)
    const tokens = service.front.requests.filter(({ method, path }) => method === 'PUT' && path.includes('/role/'))
    assert.deepEqual(
      tokens.map(({ headers }) => headers['x-amz-security-token']),
      ['token1', 'token2'],
    )
    assert.match(said.at(-1) ?? '', /the credentials have expired; new ones are fetched/)
    service.front.trouble = ({ method }) =>
      method === 'POST'
        ? {
            status: 403,
            body: '<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>',
          }
        : 'pass'
    await client.renew?.(signal)
    const refused = client.trouble(
      await client.put(object, [Buffer.from('x')], signal).catch((error: unknown) => error),
    )
    assert.deepEqual(
      [refused.tag, /a role of ASSUME_ROLE cannot be assumed/.test(refused.error.message)],
      ['refused', true],
    )
    service.front.trouble = () => 'pass'
  })

  test('uploads that a crash left are removed after a day, and nothing else', async () => {
    const { LeftUploads } = await import('./left-uploads.ts')
    const { S3Client } = await import('@aws-sdk/client-s3')
    await using client = await connect(location('left'))
    const digits = '2'.repeat(33)
    const ours = `2026-01-31/${digits}-0123456789abcdef-1-1-00000000-t-1.ndjson`
    for (const name of [ours, '2026-01-31/somebody-else.ndjson']) await client.begin({ ...object, name }, signal)
    const direct = new S3Client({
      region: 'us-east-1',
      endpoint: service.front.url,
      forcePathStyle: true,
      credentials: { accessKeyId: s3Keys.id, secretAccessKey: s3Keys.secret },
    })
    const left = new LeftUploads(location('left'), (send, abortSignal) => send(direct, { abortSignal }))
    await left.remove(Date.now() - 86_400_000)
    assert.equal((await service.uploads('files')).length, 2)
    await left.remove(Date.now() + 1000)
    await until('only the other upload is left', withinMs, async () => {
      const [first, ...others] = await service.uploads('files')
      return others.length === 0 && first === 'left/2026-01-31/somebody-else.ndjson' ? true : undefined
    })
    direct.destroy()
  })

  test('with a wrong clock, requests have the time of the far end after the first one', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 3_600_000 })
    await using client = await connect(location('skewed'))
    await client.check?.(signal)
    assert.match(said.at(-1) ?? '', /the clock of this machine is wrong/)
    await client.put(object, [Buffer.from('x')], signal)
    assert.equal((await service.objects('files', 'skewed')).size, 1)
  })

  test('a far end that stands still is given up', async () => {
    await using client = await connect(location('x'), 200)
    service.front.next.push('hold')
    const { tag, error } = client.trouble(await thrownBy(client.put(object, [Buffer.from('x')], signal)))
    assert.equal(tag, 'failed')
    assert.match(error.message, /cannot be reached/)
  })
})
