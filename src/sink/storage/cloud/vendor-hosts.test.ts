// What the parameters of URIs change in the requests to the hosts of the vendors, which are answered here in their place. The
// requests go through a proxy that the environment names, as they do in many companies.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { inspect } from 'node:util'
import { AnyHost, type HostRequest } from '../../../../test/services/storage/any-host.ts'
import { googleKey } from '../../../../test/services/storage/fake-gcs.ts'
import type { FrontAnswer } from '../../../../test/services/storage/service-front.ts'
import { s3Taken } from '../../../../test/services/storage/versitygw.ts'
import type { FeedError } from '../../../errors/feed-error.ts'
import { SinkParameters } from '../../sink-parameters.ts'
import { azure } from '../azure/kind.ts'
import { gs } from '../gs/kind.ts'
import { s3 } from '../s3/kind.ts'
import type { StorageKind } from '../storage-kind.ts'

const { signal } = new AbortController()
const variable = /^(?:AWS_|AZURE_|GOOGLE_|CLOUDSDK_|STORAGE_|https?_proxy$|no_proxy$|HOME$)/i
const usual = Object.entries(process.env).filter(([name]) => variable.test(name))
const dir = mkdtempSync(join(tmpdir(), 'changefeed-hosts-'))

let hosts: AnyHost
before(async () => {
  hosts = await AnyHost.start()
})
after(async () => {
  await hosts[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})
afterEach(() => {
  setEnvironment(Object.fromEntries(usual))
})

/** Of what clouds read. */
function setEnvironment(variables: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(process.env)) if (variable.test(name)) delete process.env[name]
  for (const [name, value] of Object.entries(variables)) if (value !== undefined) process.env[name] = value
}

/** Writes an object to the place of a URI. Returns all requests. */
async function written(
  kind: StorageKind,
  uri: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<readonly HostRequest[]> {
  setEnvironment({ HTTPS_PROXY: hosts.url, HOME: dir, AWS_EC2_METADATA_DISABLED: 'true', ...variables })
  hosts.requests.length = 0
  hosts.answer = answer
  const [scheme = '', place = '', query = ''] = uri.split(/:\/\/|\?/)
  const parameters = new SinkParameters(query, 1)
  const location = kind.readLocation({ scheme, place, parameters })
  parameters.end(kind.label, Object.keys(kind.parameters))
  const module = (await kind.open?.()) ?? assert.fail('it has no client')
  await using client = await module.open(location, {
    log: () => undefined,
    signal,
    allowedHosts: [],
    mayReachMetadata: false,
    defaultKey: undefined,
    feed: undefined,
    customCa: undefined,
    externDir: undefined,
  })
  try {
    await client.check?.(signal)
    await client.put({ name: 'a.ndjson', contentType: 'application/x-ndjson' }, [Buffer.from('rows')], signal)
  } catch (error) {
    throw client.trouble(error).error
  }
  return [...hosts.requests]
}

/** What each host would say. */
function answer({ host, method, path, body }: HostRequest): FrontAnswer {
  const xml = (text: string): FrontAnswer => ({
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: text,
  })
  const json = (value: object): FrontAnswer => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  })
  if (host.startsWith('sts.') && host.includes('amazonaws')) {
    const form = new URLSearchParams(body)
    const action = form.get('Action') ?? ''
    const name = form.get('RoleArn')?.replace(/.*\//, '') ?? ''
    return xml(
      `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials><AccessKeyId>KEYOF${name}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>token of ${name}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></${action}Result></${action}Response>`,
    )
  }
  if (host.includes('amazonaws') && method === 'PUT') return s3Taken
  if (host.includes('amazonaws')) return xml('<ListBucketResult><Name>lake</Name></ListBucketResult>')
  if (host === 'iamcredentials.googleapis.com')
    return json({ accessToken: 'assumed', expireTime: '2099-01-01T00:00:00Z' })
  if (host.includes('googleapis') && path.includes('token'))
    return json({ access_token: 'issued', expires_in: 3600, token_type: 'Bearer' })
  if (host.includes('googleapis')) return json({ kind: 'storage#objects', name: 'x/a.ndjson' })
  if (host.startsWith('login.')) return login(host, path, json)
  if (method === 'PUT') return { status: 201, headers: { etag: '"0x1"', 'x-ms-request-id': '1' } }
  return xml('<?xml version="1.0"?><EnumerationResults><Blobs></Blobs><NextMarker></NextMarker></EnumerationResults>')
}

function login(host: string, path: string, json: (value: object) => FrontAnswer): FrontAnswer {
  const tenant = `https://${host}/t`
  if (path.includes('/discovery/')) {
    const tenant_discovery_endpoint = `${tenant}/v2.0/.well-known/openid-configuration`
    const aliases = { preferred_network: host, preferred_cache: host, aliases: [host] }
    return json({ tenant_discovery_endpoint, 'api-version': '1.1', metadata: [aliases] })
  }
  if (path.includes('openid-configuration')) {
    const token_endpoint = `${tenant}/oauth2/v2.0/token`
    return json({ token_endpoint, issuer: `${tenant}/v2.0`, authorization_endpoint: `${tenant}/oauth2/v2.0/authorize` })
  }
  return json({ token_type: 'Bearer', expires_in: 3600, ext_expires_in: 3600, access_token: 'issued' })
}

const keys = 'AWS_ACCESS_KEY_ID=id&AWS_SECRET_ACCESS_KEY=s3cret'
const keysOf = ({ headers }: HostRequest): unknown => /Credential=([^/]*)/.exec(headers.authorization ?? '')?.[1]
const scopeOf = ({ headers }: HostRequest): unknown =>
  /Credential=[^/]*\/\d+\/([^/]*)/.exec(headers.authorization ?? '')?.[1]
const puts = (requests: readonly HostRequest[]): readonly HostRequest[] =>
  requests.filter(({ host, method }) => method === 'PUT' || host === 'storage.googleapis.com')
const lastOf = (requests: readonly HostRequest[]): HostRequest =>
  puts(requests).at(-1) ?? assert.fail('nothing was put')

test('S3: the region is in the host and in the signature, and the bucket in the host or in the path', async () => {
  for (const [query, host, path, scope] of [
    ['', 'lake.s3.us-east-1.amazonaws.com', '/x/a.ndjson', 'us-east-1'],
    ['&AWS_REGION=eu-central-1', 'lake.s3.eu-central-1.amazonaws.com', '/x/a.ndjson', 'eu-central-1'],
    [
      '&AWS_REGION=eu-central-1&AWS_USE_PATH_STYLE=true',
      's3.eu-central-1.amazonaws.com',
      '/lake/x/a.ndjson',
      'eu-central-1',
    ],
  ] as const) {
    const put = lastOf(await written(s3, `s3://lake/x?${keys}${query}`))
    assert.deepEqual([put.host, put.path.replace(/\?.*/, ''), scopeOf(put), keysOf(put)], [host, path, scope, 'id'])
  }
  const ofServer = lastOf(await written(s3, `s3://lake/x?${keys}`, { AWS_REGION: 'eu-central-1' }))
  assert.equal(ofServer.host, 'lake.s3.eu-central-1.amazonaws.com')
})

test('S3: the session token, the class and the encryption are in the request', async () => {
  const put = lastOf(
    await written(
      s3,
      `s3://lake/x?${keys}&AWS_SESSION_TOKEN=t0ken&S3_STORAGE_CLASS=STANDARD_IA&AWS_SERVER_ENC_MODE=aws:kms&AWS_SERVER_KMS_ID=k1`,
    ),
  )
  const names = ['security-token', 'storage-class', 'server-side-encryption', 'server-side-encryption-aws-kms-key-id']
  assert.deepEqual(
    names.map((name) => put.headers[`x-amz-${name}`]),
    ['t0ken', 'STANDARD_IA', 'aws:kms', 'k1'],
  )
  const aes = lastOf(await written(s3, `s3://lake/x?${keys}&AWS_SERVER_ENC_MODE=AES256&AWS_SKIP_CHECKSUM=true`))
  assert.deepEqual(
    [aes.headers['x-amz-server-side-encryption'], aes.headers['x-amz-checksum-crc32']],
    ['AES256', undefined],
  )
})

test('S3: each role is assumed with the keys of the one before, with its external id, in the region of the bucket', async () => {
  const roles = 'arn:aws:iam::1:role/first,arn:aws:iam::2:role/second%3Bexternal_id%3Dx%3D1'
  const requests = await written(s3, `s3://lake/x?${keys}&AWS_REGION=eu-central-1&ASSUME_ROLE=${roles}`)
  const asked = requests.filter(({ host }) => host === 'sts.eu-central-1.amazonaws.com')
  assert.deepEqual(
    asked.map((request) => [
      keysOf(request),
      ...['Action', 'RoleArn', 'ExternalId'].map((name) => new URLSearchParams(request.body).get(name)),
    ]),
    [
      ['id', 'AssumeRole', 'arn:aws:iam::1:role/first', null],
      ['KEYOFfirst', 'AssumeRole', 'arn:aws:iam::2:role/second', 'x=1'],
    ],
  )
  const put = lastOf(requests)
  assert.deepEqual([keysOf(put), put.headers['x-amz-security-token']], ['KEYOFsecond', 'token of second'])
})

test('S3: implicit credentials are those of the environment, of a file, or of a web identity, and may assume a role', async () => {
  const uri = 's3://lake/x?AUTH=implicit&AWS_REGION=eu-central-1'
  const variables = { AWS_ACCESS_KEY_ID: 'env', AWS_SECRET_ACCESS_KEY: 's', AWS_SESSION_TOKEN: 'of env' }
  const ofEnvironment = lastOf(await written(s3, uri, variables))
  assert.deepEqual([keysOf(ofEnvironment), ofEnvironment.headers['x-amz-security-token']], ['env', 'of env'])

  const file = join(dir, 'credentials')
  writeFileSync(file, '[default]\naws_access_key_id = file\naws_secret_access_key = s\n')
  assert.equal(keysOf(lastOf(await written(s3, uri, { AWS_SHARED_CREDENTIALS_FILE: file }))), 'file')

  const token = join(dir, 'token')
  writeFileSync(token, 'signed by the cluster')
  const identity = { AWS_WEB_IDENTITY_TOKEN_FILE: token, AWS_ROLE_ARN: 'arn:aws:iam::1:role/pod' }
  const requests = await written(s3, uri, identity)
  const [asked] = requests
  assert.deepEqual(
    ['Action', 'RoleArn', 'WebIdentityToken'].map((name) => new URLSearchParams(asked?.body).get(name)),
    ['AssumeRoleWithWebIdentity', 'arn:aws:iam::1:role/pod', 'signed by the cluster'],
  )
  assert.equal(keysOf(lastOf(requests)), 'KEYOFpod')
  const further = await written(s3, `${uri}&ASSUME_ROLE=arn:aws:iam::2:role/next`, identity)
  assert.equal(keysOf(lastOf(further)), 'KEYOFnext')

  await assert.rejects(written(s3, uri), /the server has no credentials for AUTH=implicit/)
})

test('Google: the key of the URI gets a token, and each account acts for the next', async () => {
  const key = encodeURIComponent(Buffer.from(JSON.stringify(googleKey)).toString('base64'))
  const plain = await written(gs, `gs://lake/x?AUTH=specified&CREDENTIALS=${key}`)
  assert.equal(plain[0]?.host, 'oauth2.googleapis.com')
  const put = lastOf(plain)
  assert.deepEqual([put.method, put.headers.authorization], ['POST', 'Bearer issued'])
  assert.match(put.path, /^\/upload\/storage\/v1\/b\/lake\/o\?uploadType=media&name=x%2Fa.ndjson/)
  const roles = await written(gs, `gs://lake/x?AUTH=specified&CREDENTIALS=${key}&ASSUME_ROLE=a@p.iam,b@p.iam`)
  const asked = roles.find(({ host }) => host === 'iamcredentials.googleapis.com')
  assert.match(asked?.path ?? '', /serviceAccounts\/b@p\.iam:generateAccessToken$/)
  assert.match(asked?.body ?? '', /"delegates":\["projects\/-\/serviceAccounts\/a@p\.iam"\]/)
  assert.equal(lastOf(roles).headers.authorization, 'Bearer assumed')
})

test('Google: implicit credentials are those of the file that the environment names, also of a workload identity', async () => {
  const file = join(dir, 'google.json')
  writeFileSync(file, JSON.stringify(googleKey))
  const ofKey = await written(gs, 'gs://lake/x?AUTH=implicit', { GOOGLE_APPLICATION_CREDENTIALS: file })
  assert.equal(lastOf(ofKey).headers.authorization, 'Bearer issued')
  const subject = join(dir, 'subject')
  writeFileSync(subject, 'signed by the cluster')
  const external = {
    type: 'external_account',
    audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: 'https://sts.googleapis.com/v1/token',
    credential_source: { file: subject },
  }
  writeFileSync(file, JSON.stringify(external))
  const ofWorkload = await written(gs, 'gs://lake/x?AUTH=default', { GOOGLE_APPLICATION_CREDENTIALS: file })
  const asked = ofWorkload.find(({ host }) => host === 'sts.googleapis.com')
  assert.equal(new URLSearchParams(asked?.body).get('subject_token'), 'signed by the cluster')
  assert.equal(lastOf(ofWorkload).headers.authorization, 'Bearer issued')
  assert.deepEqual(
    new Set(ofWorkload.map(({ host }) => host)),
    new Set(['sts.googleapis.com', 'storage.googleapis.com']),
  )
})

const account = 'AZURE_ACCOUNT_NAME=acme'
const accountKey = `AZURE_ACCOUNT_KEY=${encodeURIComponent(Buffer.from('key').toString('base64'))}`
const client = 'AUTH=specified&AZURE_CLIENT_ID=i&AZURE_CLIENT_SECRET=s&AZURE_TENANT_ID=t'

test('Azure: the account is in the host, and the key, the signature or a token in the request', async () => {
  const withKey = lastOf(await written(azure, `azure-blob://lake/x?${account}&${accountKey}`))
  assert.deepEqual([withKey.host, withKey.path], ['acme.blob.core.windows.net', '/lake/x/a.ndjson'])
  assert.match(withKey.headers.authorization ?? '', /^SharedKey acme:/)
  const withSas = lastOf(
    await written(azure, `azure-blob://lake/x?${account}&AZURE_SAS_TOKEN=${encodeURIComponent('?sv=1&sig=a%2Bb')}`),
  )
  assert.deepEqual([withSas.path, withSas.headers.authorization], ['/lake/x/a.ndjson?sv=1&sig=a%2Bb', undefined])
})

test('Azure: each cloud has its hosts for blobs and for tokens, which a client gets with its secret', async () => {
  for (const [environment, blobs, authority] of [
    ['', 'acme.blob.core.windows.net', 'login.microsoftonline.com'],
    ['AZUREUSGOVERNMENTCLOUD', 'acme.blob.core.usgovcloudapi.net', 'login.microsoftonline.us'],
    ['AZURECHINACLOUD', 'acme.blob.core.chinacloudapi.cn', 'login.partner.microsoftonline.cn'],
  ] as const) {
    const cloud = environment === '' ? '' : `&AZURE_ENVIRONMENT=${environment}`
    const requests = await written(azure, `azure-blob://lake/x?${account}&${client}${cloud}`)
    const asked = requests.find(({ body }) => body.includes('client_secret'))
    const form = new URLSearchParams(asked?.body)
    assert.deepEqual(
      [asked?.host, asked?.path.split('/')[1], form.get('client_id'), form.get('client_secret')],
      [authority, 't', 'i', 's'],
    )
    const put = lastOf(requests)
    assert.deepEqual([put.host, put.headers.authorization], [blobs, 'Bearer issued'])
  }
  // That cloud is closed; its library knows no issuer of tokens for it.
  const german = lastOf(
    await written(azure, `azure-blob://lake/x?${account}&${accountKey}&AZURE_ENVIRONMENT=AZUREGERMANCLOUD`),
  )
  assert.equal(german.host, 'acme.blob.core.cloudapi.de')
})

test('Azure: where no token can be fetched, the error says which host is not reached, and no secret', async () => {
  const moved = `azure-blob://lake/x?${account}&${client.replace('SECRET=s', 'SECRET=s3cret')}`
  await assert.rejects(written(azure, moved, { HTTPS_PROXY: 'http://127.0.0.1:1' }), (error: FeedError) => {
    assert.match(error.message, /there is no token for Azure: https:\/\/login\.microsoftonline\.com cannot be reached/)
    assert.doesNotMatch(inspect(error, { depth: 20 }), /s3cret/)
    return true
  })
})

test('Azure: implicit credentials are those of the environment or of a workload identity', async () => {
  const uri = `azure-blob://lake/x?AUTH=implicit&${account}`
  const variables = { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'i', AZURE_CLIENT_SECRET: 'of env' }
  const ofEnvironment = await written(azure, uri, variables)
  const asked = ofEnvironment.find(({ body }) => body.includes('client_secret'))
  assert.equal(new URLSearchParams(asked?.body).get('client_secret'), 'of env')
  assert.equal(lastOf(ofEnvironment).headers.authorization, 'Bearer issued')
  const token = join(dir, 'azure-token')
  writeFileSync(token, 'signed by the cluster')
  const ofWorkload = await written(azure, uri, {
    AZURE_TENANT_ID: 't',
    AZURE_CLIENT_ID: 'i',
    AZURE_FEDERATED_TOKEN_FILE: token,
  })
  const federated = ofWorkload.find(({ body }) => body.includes('client_assertion'))
  assert.equal(new URLSearchParams(federated?.body).get('client_assertion'), 'signed by the cluster')
})
