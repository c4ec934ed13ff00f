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
function around(refusesImplicit: boolean, changed: Readonly<Record<string, unknown>> = {}): SinkSurroundings {
  const get = (name: SettingName): unknown => changed[name] ?? factsOfSetting(name).default
  return { settings: { get } as SinkSurroundings['settings'], externDir: undefined, refusesImplicit }
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
    ['gcpubsub://p?AUTH=implicit&region=r', {}, true],
    ['nodelocal://1/p', {}, false],
  ] as const) {
    const spec = specOf(uri)
    assert.equal(allowedSink(spec, around(false, changed)).tag, spec.tag)
    const asked = (): SinkSpec => allowedSink(spec, around(true, changed))
    if (isRefused)
      assert.throws(asked, /implicit credentials disallowed for .* due to --external-io-disable-implicit/, uri)
    else assert.equal(asked().tag, spec.tag, uri)
  }
})

test('the machines of a bucket are held against allowed_hosts', () => {
  const spec = specOf('s3://b/p?AUTH=implicit&AWS_REGION=eu-west-1')
  const allow = (hosts: string) => (): SinkSpec =>
    allowedSink(spec, around(false, { 'changefeed.sink.allowed_hosts': hosts }))
  assert.throws(allow('storage.googleapis.com'), /sinks may not reach s3.eu-west-1.amazonaws.com:443/)
  assert.deepEqual(allow('*.amazonaws.com')().allowedHosts, ['*.amazonaws.com'])
})
