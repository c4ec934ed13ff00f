import assert from 'node:assert/strict'
import { test } from 'node:test'
import { factsOfSetting } from '../../settings/settings.ts'
import type { SettingName } from '../../settings/known-settings.ts'
import { readSinkUri } from '../../sink/sink-uri.ts'
import type { SinkSpec } from '../../core/feed-spec.ts'
import { allowedSink, type SinkSurroundings } from './allowed-sinks.ts'

function specOf(uri: string): SinkSpec {
  const { facts, ...parts } = readSinkUri(uri, 1)
  const table = { topic: 't', tableName: 't', keyColumns: ['a'] }
  return facts.readSpec({
    ...parts,
    tables: [table],
    headers: [],
    option: () => undefined,
    rowFormats: ['hex', 'hex', 'hex'],
  })
}

/** The settings have their defaults, except for these. */
function around(
  changed: Readonly<Record<string, unknown>> = {},
  refusals: Partial<SinkSurroundings> = {},
): SinkSurroundings {
  const get = (name: SettingName): unknown => changed[name] ?? factsOfSetting(name).default
  return {
    settings: { get } as SinkSurroundings['settings'],
    externDir: '/extern',
    refusesImplicit: false,
    refusesHttp: false,
    ...refusals,
  }
}

test('a server whose credentials are not for changefeeds refuses sinks that would use them, also in place of a key that is not set', () => {
  const key = { 'cloudstorage.gs.default.key': '{}' }
  for (const [uri, changed, isRefused] of [
    ['s3://b/p?AUTH=implicit', {}, true],
    ['s3://b/p?AWS_ACCESS_KEY_ID=i&AWS_SECRET_ACCESS_KEY=s', {}, false],
    ['gs://b/p?AUTH=implicit', key, true],
    ['gs://b/p', {}, true],
    ['gs://b/p', key, false],
    ['azure-blob://c/p?AZURE_ACCOUNT_NAME=a&AUTH=implicit', {}, true],
    ['azure-blob://c/p?AZURE_ACCOUNT_NAME=a&AZURE_ACCOUNT_KEY=YQ==', {}, false],
    ['gcpubsub://p?AUTH=implicit&region=r&topic_name=all', {}, true],
    ['nodelocal://1/p', {}, false],
  ] as const) {
    const spec = specOf(uri)
    assert.equal(allowedSink(spec, around(changed)).tag, spec.tag)
    const asked = (): SinkSpec => allowedSink(spec, around(changed, { refusesImplicit: true }))
    if (isRefused)
      assert.throws(asked, /implicit credentials disallowed for .* due to --external-io-disable-implicit/, uri)
    else assert.equal(asked().tag, spec.tag, uri)
  }
})

test('the machines of a bucket are held against allowed_hosts', () => {
  const spec = specOf('s3://b/p?AUTH=implicit&AWS_REGION=eu-west-1')
  const allow = (hosts: string) => (): SinkSpec => allowedSink(spec, around({ 'changefeed.sink.allowed_hosts': hosts }))
  assert.throws(allow('storage.googleapis.com'), /sinks may not reach s3.eu-west-1.amazonaws.com:443/)
  assert.deepEqual(allow('*.amazonaws.com')().allowedHosts, ['*.amazonaws.com'])
})

test('a server whose files may not go to servers of the URI refuses web servers and endpoints, and takes folders and clouds', () => {
  const s3 = 's3://b/p?AUTH=implicit'
  const azure = 'azure-blob://c/p?AZURE_ACCOUNT_NAME=a&AZURE_ACCOUNT_KEY=YQ=='
  for (const [uri, refused] of [
    ['file-http://h/p', /external http access disallowed due to --external-io-disable-http flag$/],
    ['https://h/p', /external http access disallowed/],
    [`${s3}&AWS_ENDPOINT=https://h`, /custom endpoints for S3 disallowed due to --external-io-disable-http flag$/],
    [`${azure}&AZURE_ENDPOINT=https://h`, /custom endpoints for Azure disallowed/],
    [s3, undefined],
    [azure, undefined],
    [`${azure}&AZURE_ENVIRONMENT=AZURECHINACLOUD`, undefined],
    ['gs://b/p?AUTH=implicit', undefined],
    ['nodelocal://1/p', undefined],
    ['webhook-https://h/p', undefined],
  ] as const) {
    const spec = specOf(uri)
    assert.equal(allowedSink(spec, around()).tag, spec.tag)
    const asked = (): SinkSpec => allowedSink(spec, around({}, { refusesHttp: true }))
    if (refused === undefined) assert.equal(asked().tag, spec.tag, uri)
    else assert.throws(asked, refused, uri)
  }
})

test('sinks of files, and no others, get the folder, the time limit and the certificate of this server', () => {
  const changed = { 'cloudstorage.timeout': 5000, 'cloudstorage.http.custom_ca': 'pem' }
  const allowed = allowedSink(specOf('nodelocal://1/p'), around(changed))
  assert.deepEqual({ ...allowed, externDir: '/extern', timeoutMs: 5000, customCa: 'pem' }, allowed)
  assert.equal('externDir' in allowedSink(specOf('kafka://h'), around(changed)), false)
})
