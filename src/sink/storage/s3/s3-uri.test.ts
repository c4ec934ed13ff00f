import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FeedError } from '../../../errors/feed-error.ts'
import { SinkParameters } from '../../sink-parameters.ts'
import { showSinkUri } from '../../sink-uri.ts'
import { s3 } from './kind.ts'
import type { S3Location } from './location.ts'

const keys = 'AWS_ACCESS_KEY_ID=id&AWS_SECRET_ACCESS_KEY=s3cret'

function read(place: string, query = keys): S3Location {
  const parameters = new SinkParameters(query, 1)
  const location = s3.readLocation({ scheme: 's3', place, parameters })
  parameters.end(s3.label, Object.keys(s3.parameters))
  return location
}

function refusal(place: string, query: string): string {
  try {
    read(place, query)
  } catch (error) {
    assert.ok(error instanceof FeedError)
    assert.doesNotMatch(`${error.message} ${error.hint ?? ''}`, /s3cret|t0ken/)
    return error.message
  }
  return assert.fail(`${place}?${query} was not refused`)
}

test('a URI names a bucket, a folder in it, and the keys', () => {
  assert.deepEqual(read('acme-co/employees/2026/'), {
    tag: 's3',
    bucket: 'acme-co',
    folder: 'employees/2026',
    credentials: { tag: 'keys', id: 'id', secret: 's3cret' },
    roles: [],
    isPathStyle: false,
  })
  assert.equal(read('b-1/a%20b//./c').folder, 'a b/c')
  assert.equal(read('bucket').folder, '')
  assert.deepEqual(
    read('bucket', 'AWS_ACCESS_KEY_ID=id&AWS_SECRET_ACCESS_KEY=a+b%2Bc&AWS_SESSION_TOKEN=t/k').credentials,
    {
      tag: 'keys',
      id: 'id',
      secret: 'a+b+c',
      sessionToken: 't/k',
    },
  )
  assert.deepEqual(read('bucket', 'AUTH=implicit').credentials, { tag: 'implicit' })
  assert.equal(s3.shownAs(read('bucket/a/b')), 's3://bucket/a/b')
  assert.equal(s3.shownAs(read('bucket')), 's3://bucket')
})

test('each parameter is read, and what cannot be meant is refused', () => {
  const location = read(
    'bucket/x',
    `${keys}&AWS_REGION=eu-central-1&S3_STORAGE_CLASS=STANDARD_IA&AWS_SERVER_ENC_MODE=aws:kms&AWS_SERVER_KMS_ID=k1&AWS_SKIP_CHECKSUM=true` +
      '&ASSUME_ROLE=arn:aws:iam::1:role/a,arn:aws:iam::2:role/b%3Bexternal_id%3Dx%3D1',
  )
  assert.deepEqual(
    [location.region, location.storageClass, location.encryption, location.skipsChecksum, location.roles],
    [
      'eu-central-1',
      'STANDARD_IA',
      { mode: 'aws:kms', keyId: 'k1' },
      true,
      [{ arn: 'arn:aws:iam::1:role/a' }, { arn: 'arn:aws:iam::2:role/b', externalId: 'x=1' }],
    ],
  )
  assert.deepEqual(read('bucket', `${keys}&AWS_SERVER_ENC_MODE=AES256`).encryption, { mode: 'AES256' })
  for (const [place, query, message] of [
    ['', keys, 'empty host component; s3 URI must specify a target bucket'],
    ['/x', keys, 'empty host component; s3 URI must specify a target bucket'],
    ['s3cret:x/y', keys, 'the name of the bucket or container has characters that such a name cannot have'],
    ['bucket/../x', keys, 'a folder in a bucket or container has no .. and no control characters'],
    ['bucket', '', "AUTH is set to 'specified', but AWS_ACCESS_KEY_ID is not set"],
    ['bucket', 'AWS_ACCESS_KEY_ID=id', "AUTH is set to 'specified', but AWS_SECRET_ACCESS_KEY is not set"],
    ['bucket', `AUTH=default&${keys}`, 'unsupported value default for AUTH'],
    [
      'bucket',
      'AUTH=implicit&AWS_SECRET_ACCESS_KEY=s3cret',
      'AWS_SECRET_ACCESS_KEY has no use with AUTH=implicit, for which the server has credentials of its own',
    ],
    [
      'bucket',
      `${keys}&AWS_SERVER_ENC_MODE=aws:kms`,
      'AWS_SERVER_KMS_ID param must be set when using aws:kms server side encryption mode.',
    ],
    [
      'bucket',
      `${keys}&AWS_SERVER_ENC_MODE=rot13`,
      'unsupported server encryption mode rot13. Supported values are `aws:kms` and `AES256`.',
    ],
    ['bucket', `${keys}&AWS_SERVER_KMS_ID=k`, 'AWS_SERVER_KMS_ID has no use without AWS_SERVER_ENC_MODE=aws:kms'],
    ['bucket', `${keys}&ASSUME_ROLE=root`, 'ASSUME_ROLE has "root", which is no role'],
    ['bucket', `${keys}&AWS_REGION=a.evil.example`, 'AWS_REGION "a.evil.example" is no region'],
    ['bucket', `${keys}&AWS_ENDPOINT=http://me:s3cret@h`, 'AWS_ENDPOINT is no URL of a host'],
    ['bucket', `${keys}&AWS_USE_PATH_STYLE=maybe`, 'param AWS_USE_PATH_STYLE must be a bool'],
    ['bucket', `${keys}&AWS_SESION_TOKEN=t0ken`, 'unknown S3 query parameters: [AWS_SESION_TOKEN]'],
  ] as const) {
    assert.equal(refusal(place, query), message)
  }
})

test('the bucket is in the path of requests to other services, unless the URI says otherwise', () => {
  const style = (query: string): boolean => read('bucket', `${keys}&${query}`).isPathStyle
  assert.equal(style('AWS_ENDPOINT=http://localhost:9000'), true)
  assert.equal(style('AWS_ENDPOINT=https://s3.eu-west-1.amazonaws.com'), false)
  assert.equal(style('AWS_ENDPOINT=minio.example.com&AWS_USE_PATH_STYLE=false'), false)
  assert.equal(style('AWS_USE_PATH_STYLE=true'), true)
})

test('the addresses are those that allowed_hosts is held against', () => {
  const addresses = (query: string): unknown => s3.addresses?.(read('bucket', `${keys}&${query}`))
  assert.deepEqual(addresses('AWS_REGION=eu-west-1'), [{ host: 's3.eu-west-1.amazonaws.com', port: 443 }])
  assert.deepEqual(addresses('AWS_ENDPOINT=http://minio:9000'), [{ host: 'minio', port: 9000 }])
  assert.deepEqual(addresses('AWS_REGION=cn-north-1&ASSUME_ROLE=arn:aws-cn:iam::1:role/r'), [
    { host: 's3.cn-north-1.amazonaws.com.cn', port: 443 },
    { host: 'sts.cn-north-1.amazonaws.com.cn', port: 443 },
  ])
  assert.equal(s3.notices?.(read('bucket', `${keys}&AWS_ENDPOINT=http://h`)).length, 1)
  assert.deepEqual(s3.notices?.(read('bucket', `${keys}&AWS_ENDPOINT=h`)), [])
})

test('SHOW JOBS shows neither the secret key nor the session token, however their names are written', () => {
  assert.equal(
    showSinkUri('s3://b/p?AWS_ACCESS_KEY_ID=1&AWS_SECRET_ACCESS_KEY=2&AWS_SESSION_TOKEN=3'),
    's3://b/p?AWS_ACCESS_KEY_ID=1&AWS_SECRET_ACCESS_KEY=redacted&AWS_SESSION_TOKEN=redacted',
  )
  assert.equal(
    showSinkUri('experimental-s3://b?aws_secret_access_key=2&AWS_%53ESSION_TOKEN=3'),
    'experimental-s3://b?aws_secret_access_key=redacted&AWS_%53ESSION_TOKEN=redacted',
  )
})

test('an endpoint is a URL of http or https, or a host without one', () => {
  const endpoint = (text: string): string | undefined => read('bucket', `${keys}&AWS_ENDPOINT=${text}`).endpoint
  for (const [written, meant] of [
    ['https://h:9000/', 'https://h:9000'],
    ['HTTP://h', 'http://h'],
    ['h', 'https://h'],
    ['localhost:9000', 'https://localhost:9000'],
    ['h:9000/path', 'https://h:9000/path'],
    ['%5B::1%5D:9000', 'https://[::1]:9000'],
  ] as const)
    assert.equal(endpoint(written), meant)
  for (const [written, message] of [
    ['ftp://x', 'AWS_ENDPOINT is no URL of http or https'],
    ['s3://x', 'AWS_ENDPOINT is no URL of http or https'],
    ['htps://x', 'AWS_ENDPOINT is no URL of http or https'],
    ['me:s3cret@h', 'AWS_ENDPOINT is no URL of http or https'],
    ['https:x', 'AWS_ENDPOINT is no URL of a host'],
    ['https:/x', 'AWS_ENDPOINT is no URL of a host'],
    ['https:///x', 'AWS_ENDPOINT is no URL of a host'],
    ['https://', 'AWS_ENDPOINT is no URL of a host'],
    ['https://me:s3cret@h', 'AWS_ENDPOINT is no URL of a host'],
    ['https://h:0', 'AWS_ENDPOINT has port 0, at which nothing can listen'],
    ['h:0', 'AWS_ENDPOINT has port 0, at which nothing can listen'],
    ['h:70000', 'AWS_ENDPOINT is no URL of a host'],
  ] as const)
    assert.equal(refusal('bucket', `${keys}&AWS_ENDPOINT=${written}`), message, written)
})
