import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { planFor } from '../../test/support/plan-for.ts'
import type { FeedSpec, RegistrySpec } from '../core/feed-spec.ts'
import type { FeedError } from '../errors/feed-error.ts'
import { redactSinkUri } from '../sink/sink-uri.ts'

function specOf(uri: string, options = ''): FeedSpec {
  return planFor(
    `CREATE CHANGEFEED FOR t INTO 'kafka://h' WITH format = avro, confluent_schema_registry = '${uri}'${options}`,
  ).spec
}

function read(uri: string): Partial<RegistrySpec> {
  const { registry } = specOf(uri)
  assert.ok(registry !== undefined)
  return Object.fromEntries(Object.entries(registry).filter(([, value]) => value !== undefined))
}

/** Certificate and key as parameters. */
function makePair(): { readonly pem: string; readonly cert: string; readonly key: string } {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-registry-'))
  try {
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x', '-keyout', 'key', '-out', 'cert']
    assert.equal(spawnSync('openssl', args, { cwd: dir }).status, 0)
    const encoded = (name: string): string => encodeURIComponent(readFileSync(join(dir, name)).toString('base64'))
    return { pem: readFileSync(join(dir, 'cert'), 'utf8'), cert: encoded('cert'), key: encoded('key') }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

test('a registry is read with its path, user, parameters and further URLs', () => {
  const table: [uri: string, spec: Partial<RegistrySpec>][] = [
    ['http://localhost:8081', { urls: ['http://localhost:8081'] }],
    ['HTTP://Host/', { urls: ['http://host'] }],
    ['http://h:8080/apis/ccompat/v7/', { urls: ['http://h:8080/apis/ccompat/v7'] }],
    ['http://[::1]:8081', { urls: ['http://[::1]:8081'] }],
    ['https://KEY:a%2Fb%3A@h:443', { urls: ['https://h'], user: 'KEY', password: 'a/b:' }],
    ['https://KEY:a/b+c@h', { urls: ['https://h'], user: 'KEY', password: 'a/b+c' }],
    ['https://KEY:a@b@h', { urls: ['https://h'], user: 'KEY', password: 'a@b' }],
    ['http://u@h', { urls: ['http://h'], user: 'u', password: '' }],
    ['http://a:1/x/,http://b:2, https://c', { urls: ['http://a:1/x', 'http://b:2', 'https://c'] }],
    ['https://u:p@a,https://b', { urls: ['https://a', 'https://b'], user: 'u', password: 'p' }],
    ['https://u:p@a,https://u:p@b', { urls: ['https://a', 'https://b'], user: 'u', password: 'p' }],
    ['http://h?timeout=2s', { urls: ['http://h'], timeoutMs: 2000 }],
    ['http://h/?timeout=1m30s', { urls: ['http://h'], timeoutMs: 90_000 }],
    ['http://h?timeout=1us', { urls: ['http://h'], timeoutMs: 1 }],
  ]
  for (const [uri, spec] of table) assert.deepEqual(read(uri), { timeoutMs: 30_000, ...spec }, uri)
})

test('certificates are read from base64, for https only', () => {
  const { pem, cert, key } = makePair()
  assert.equal(read(`https://h?ca_cert=${cert}`).caCert, pem)
  const { clientCert, clientKey } = read(`https://h?client_cert=${cert}&client_key=${key}`)
  assert.equal(clientCert, pem)
  assert.match(clientKey ?? '', /PRIVATE KEY/)
  for (const [uri, message] of [
    [`http://h?ca_cert=${cert}`, /^ca_cert, client_cert and client_key need https$/],
    [`https://a,http://b?ca_cert=${cert}`, /need https$/],
    [`https://h?client_cert=${cert}`, /^client_cert requires client_key to be set$/],
    [`https://h?client_key=${key}`, /^client_key requires client_cert to be set$/],
    [`https://h?client_cert=${cert}&client_key=${cert}`, /^invalid client certificate data provided$/],
  ] as const)
    assert.throws(() => read(uri), { code: 'FEED_OPTION', message })
})

test('what is no URL of a registry is refused, with a hint and without the password', () => {
  const table: [uri: string, message: RegExp, hint: RegExp][] = [
    ['http://h:0', /^the schema registry "http:\/\/h:0" is no URL$/, /./],
    ['https://schemareg-nope/?ca_cert=!', /^param ca_cert must be base 64 encoded$/, /base64 -w 0/],
    ['https://schemareg-nope/?ca_cert=Zm9v', /^failed to parse certificate data/, /base64/],
    ['localhost:8081', /^no scheme found for schema registry URL "localhost:8081"$/, /http:\/\/host:8081/],
    ['u:hunter2@localhost:8081', /^no scheme found for schema registry URL "redacted@localhost:8081"$/, /http/],
    ['', /^no scheme found for schema registry URL ""$/, /http/],
    ['kafka://u:hunter2@h', /^unsupported scheme: "kafka"$/, /http/],
    ['http://', /^the schema registry "http:\/\/" is no URL$/, /http/],
    ['http://h:99999', /is no URL$/, /http/],
    ['http://u:hunter2@h:x', /^the schema registry "http:\/\/redacted@h:x" is no URL$/, /http/],
    ['http://a,b', /^the schema registry "http:\/\/a,b" is no URL$/, /http/],
    ['http://h#x', /is no URL$/, /http/],
    ['http://u:hunter2?x@h', /not percent-encoded correctly$/, /%3F/],
    ['http://u:hunter2%@h', /not percent-encoded correctly$/, /%25/],
    ['http://u:hunter2@a,http://v:hunter2@b', /several users or passwords$/, /one registry/],
    ['http://h?timeot=2s', /^unknown schema registry query parameters: \[timeot\]$/, /^did you mean timeout\?$/],
    [
      'http://h?timeout=soon',
      /^problem parsing param timeout: time: invalid duration "soon"$/,
      /^a duration is a number with its unit/,
    ],
    ['http://h?timeout=0', /^param timeout must be a duration greater than 0, and at most 1h$/, /^$/],
    ['http://h?timeout=2h', /^param timeout must be a duration greater than 0, and at most 1h$/, /^$/],
  ]
  for (const [uri, message, hint] of table) {
    assert.throws(
      () => read(uri),
      (error: FeedError) => {
        assert.equal(error.code, 'FEED_OPTION')
        assert.match(error.message, message)
        assert.match(error.hint ?? '', hint)
        assert.ok((error.position ?? 0) > 1)
        assert.doesNotMatch(`${error.message} ${error.hint}`, /hunter2/)
        return true
      },
      redactSinkUri(uri),
    )
  }
  assert.throws(() => read('external://sr'), {
    code: 'FEED_UNSUPPORTED',
    message: 'a schema registry behind external:// is not supported yet',
  })
})

test('a user without TLS is a notice', () => {
  const noticesOf = (uri: string): readonly string[] =>
    planFor(
      `CREATE CHANGEFEED FOR t INTO 'null://' WITH format = avro, confluent_schema_registry = '${uri}'`,
    ).notices.filter((notice) => notice.includes('registry'))
  assert.deepEqual(noticesOf('https://u:p@h'), [])
  assert.deepEqual(noticesOf('http://h'), [])
  assert.match(noticesOf('http://u:p@h').join(), /^the schema registry is not https/)
})

test('avro_schema_prefix is a namespace', () => {
  const prefixOf = (text: string): string | undefined =>
    specOf('http://h', `, avro_schema_prefix = '${text}'`).avroSchemaPrefix
  assert.equal(prefixOf('super'), 'super')
  assert.equal(prefixOf('com.example.cdc_'), 'com.example.cdc_')
  assert.equal(prefixOf(''), undefined)
  for (const text of ['1a', 'a-b', 'a.', '.a', 'a b'])
    assert.throws(() => prefixOf(text), { code: 'FEED_OPTION', message: /is no namespace of Avro$/ })
})

test('only Avro takes the options of registries', () => {
  for (const option of ["confluent_schema_registry = 'http://h'", "avro_schema_prefix = 'p'"]) {
    assert.throws(() => planFor(`CREATE CHANGEFEED FOR t INTO 'kafka://h' WITH ${option}`), {
      message: `${option.split(' ')[0]} is only usable with format=avro`,
    })
  }
})
