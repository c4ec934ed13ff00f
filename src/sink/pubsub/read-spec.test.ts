import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { planFor } from '../../../test/support/plan-for.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import { showSinkUri } from '../sink-uri.ts'
import { pubsub } from './facts.ts'
import { pubsubConfigFields, pubsubParameters } from './parameters.ts'
import { endpointOf, type PubsubSinkSpec } from './spec.ts'

const base64 = (value: unknown): string => encodeURIComponent(Buffer.from(JSON.stringify(value)).toString('base64'))
const pem = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).privateKey
const account = { type: 'service_account', client_email: 'feed@p.iam.gserviceaccount.com', private_key: pem }
const region = 'gcpubsub://p?region=us-east1'
const place = `${region}&AUTH=implicit`

function planned(
  uri: string,
  options = '',
): { readonly sink: PubsubSinkSpec; readonly notices: readonly string[]; readonly keyInValue: boolean } {
  const { spec, notices } = planFor(
    `CREATE CHANGEFEED FOR foo INTO '${uri}' ${options === '' ? '' : `WITH ${options}`}`,
  )
  return { sink: spec.sink as PubsubSinkSpec, notices, keyInValue: spec.keyInValue }
}

function refused(uri: string, message: string, hint?: string | RegExp, options = ''): void {
  assert.throws(
    () => planned(uri, options),
    (error: FeedError) => {
      assert.equal(error.message, message)
      assert.equal(error.sqlstate, '22023')
      if (typeof hint === 'string') assert.equal(error.hint, hint)
      else if (hint !== undefined) assert.match(error.hint ?? '', hint)
      assert.doesNotMatch(`${error.message} ${error.hint}`, /s3cret|PRIVATE/)
      return true
    },
    `${uri} ${options}`,
  )
}

test('a URI names a project, a region, a topic and credentials', () => {
  const { sink, notices, keyInValue } = planned(`${region}&CREDENTIALS=${base64(account)}`)
  assert.deepEqual(sink, {
    tag: 'pubsub',
    project: 'p',
    region: 'us-east1',
    isOrdered: true,
    topics: ['foo'],
    tableNames: undefined,
    format: 'json',
    credentials: {
      key: { tag: 'service-account', email: account.client_email, key: pem },
      assumeRoles: [],
    },
    flush: { messages: 0, bytes: 0, frequencyMs: 0, maxMessages: 0, maxBytes: 0 },
    retry: { max: 3, backoffMs: 500 },
  })
  assert.deepEqual(notices, ['changefeed will emit to topic foo'])
  assert.equal(keyInValue, false, 'the key is beside the value')
  const { sink: other } = planned(
    `gcpubsub://example.com:p/?AUTH=implicit&topic_name=all&with_table_name_attribute=true&ASSUME_ROLE=a@p.iam,b@p.iam`,
    `unordered, format = csv, initial_scan = 'only', pubsub_sink_config = '{"Flush": {"Messages": 100, "Frequency": "5s"}, "Retry": {"Max": "inf"}}'`,
  )
  assert.deepEqual(
    [other.project, other.region, other.isOrdered, other.topics, other.tableNames, other.format],
    ['example.com:p', undefined, false, ['all'], ['foo'], 'csv'],
  )
  assert.deepEqual(planned(`${place}&topic_prefix=pre-`).notices, ['changefeed will emit to topic pre-foo'])
  const both = planned(`${place}&topic_prefix=pre-&topic_name=all&with_table_name_attribute=true`).sink
  assert.deepEqual([both.topics, both.tableNames], [['pre-all'], ['foo']])
  assert.deepEqual(other.credentials, { key: { tag: 'implicit' }, assumeRoles: ['a@p.iam', 'b@p.iam'] })
  assert.deepEqual([other.flush.messages, other.flush.frequencyMs, other.retry.max], [100, 5000, Infinity])
})

test('what is missing or wrong in a URI is said as CockroachDB says it', () => {
  const hint = 'Use of gcpubsub without specifying a region requires the WITH unordered option.'
  refused('gcpubsub://p', 'region query parameter not found', hint)
  refused('gcpubsub://p?region=&AUTH=implicit', 'region query parameter not found', hint)
  refused('gcpubsub://?region=us-east1', 'missing project name')
  refused(region, 'missing credentials parameter', /AUTH=implicit/)
  refused(`${region}&AUTH=specified`, 'missing credentials parameter')
  refused(`${region}&CREDENTIALS=`, 'missing credentials parameter')
  refused(`${region}&CREDENTIALS=!`, 'param CREDENTIALS must be base 64 encoded')
  refused(`${place}&with_table_name_attribute=perhaps`, 'param with_table_name_attribute must be a bool')
  refused(`${place}&regoin=x`, 'unknown pubsub sink query parameters: [regoin]', /did you mean region\?/)
  refused(`${region}&AUTH=default`, 'unsupported value default for AUTH', 'it is specified or implicit')
})

test('what has no place in a URI is refused', () => {
  refused('gcpubsub://me:s3cret@p?region=us-east1', 'a Pub/Sub sink URI has no user and password')
  refused('gcpubsub://p/topic?region=us-east1', 'a Pub/Sub sink URI has no path after the project')
  refused('gcpubsub://p%20q?region=us-east1', 'the project of the sink URI has characters that no project has')
  for (const bad of ['evil.example/', 'US-EAST1', 'a.b'])
    refused(`gcpubsub://p?region=${bad}`, 'param region must be the name of a region of Google Cloud')
  refused(`${place}&topic_name=`, 'param topic_name must not be empty')
  refused(`${place}&CREDENTIALS=${base64(account)}`, 'CREDENTIALS is only a valid parameter for AUTH=specified')
  refused(
    `${place}&ASSUME_ROLE=nobody`,
    'param ASSUME_ROLE must be the e-mail address of a service account, or several with commas',
  )
})

test('a topic that Pub/Sub would not take is refused by the statement', () => {
  const rule =
    /^the name of a topic has 3 to 255 letters, digits and - \. _ ~ \+ %, begins with a letter, and not with goog: /
  const long = 'a'.repeat(255)
  for (const good of ['abc', 'Goods', 'a-b.c_d~e%2Bf%25g', long])
    assert.equal(planned(`${place}&topic_name=${good}`).sink.topics[0], decodeURIComponent(good))
  for (const [parameters, topic, fault] of [
    ['topic_name=ab', 'ab', 'it is too short'],
    [`topic_name=a${long}`, `a${long}`, 'it has 256 characters'],
    [`topic_prefix=p&topic_name=${long}`, `p${long}`, 'it has 256 characters'],
    ['topic_name=1st', '1st', 'it begins with "1"'],
    ['topic_name=%C3%A9t%C3%A9', 'été', 'it begins with "é"'],
    ['topic_name=google-orders', 'google-orders', 'it begins with goog'],
    ['topic_name=a/b', 'a/b', 'it has the character "/"'],
    ['topic_name=pi%C3%B1a', 'piña', 'it has the character "ñ"'],
    ['topic_prefix=goog.&topic_name=all', 'goog.all', 'it begins with goog'],
  ] as const)
    refused(`${place}&${parameters}`, `Pub/Sub takes no topic "${topic}": ${fault}`, rule)
  refused(`${place}&topic_prefix=-`, 'Pub/Sub takes no topic "-foo" of table "foo": it begins with "-"', rule)
  assert.throws(() => planFor(`CREATE CHANGEFEED FOR t INTO '${place}'`), {
    message: 'Pub/Sub takes no topic "t" of table "t": it is too short',
    hint: /topic_name=… gives another name, and topic_prefix=… a longer one$/,
  })
})

test('an emulator says for itself which topics it takes', (t) => {
  process.env['PUBSUB_EMULATOR_HOST'] = 'localhost:8085'
  t.after(() => delete process.env['PUBSUB_EMULATOR_HOST'])
  assert.deepEqual(planned(`${place}&topic_name=t`).sink.topics, ['t'])
})

test('more than Pub/Sub takes in a request is said when the changefeed starts', () => {
  const notices = (flush: string): readonly string[] =>
    planned(place, `pubsub_sink_config = '{"Flush": ${flush}}'`).notices.slice(1)
  assert.deepEqual(notices('{"MaxMessages": 1000, "MaxBytes": 9500000}'), [])
  assert.deepEqual(notices('{"MaxMessages": 5000, "MaxBytes": 10000000}'), [
    'Flush.MaxMessages of pubsub_sink_config is 5000, but a request to Pub/Sub has at most 1000 messages, and that is what counts',
    'Flush.MaxBytes of pubsub_sink_config is 10000000, but a request to Pub/Sub has at most 9500000 bytes, and that is what counts',
  ])
  assert.match(
    notices('{"Messages": 1001, "Bytes": 10000000, "Frequency": "1s"}').join(),
    /^Flush\.Messages .*Flush\.Bytes/,
  )
})

test('a key file is one of a service account or of a user; others could name files and programs of the server', () => {
  const file = (value: unknown): string => `${region}&CREDENTIALS=${base64(value)}`
  const user = { type: 'authorized_user', client_id: 'i', client_secret: 's', refresh_token: 'r' }
  assert.deepEqual(planned(file(user)).sink.credentials.key, {
    tag: 'user',
    clientId: 'i',
    clientSecret: 's',
    refreshToken: 'r',
  })
  refused(file('s3cret'), 'param CREDENTIALS must be a JSON key file in base64', /base64 -w 0/)
  refused(`${region}&CREDENTIALS=czNjcmV0`, 'param CREDENTIALS must be a JSON key file in base64')
  refused(file({ ...account, client_email: '' }), 'the key file in CREDENTIALS has no client_email')
  refused(file({ type: 'service_account' }), 'the key file in CREDENTIALS has no private_key')
  refused(file({ ...account, private_key: 's3cret' }), 'the private_key of the key file in CREDENTIALS is no PEM key')
  for (const type of ['external_account', 'impersonated_service_account', undefined])
    refused(
      file({ type, credential_source: { file: '/etc/passwd' } }),
      'the key file in CREDENTIALS must be of type service_account or authorized_user',
      /AUTH=implicit/,
    )
})

test('options that Pub/Sub has no place for are refused', () => {
  const incompatible = (what: string): string => `this sink is incompatible with ${what}`
  refused(place, incompatible('envelope=row'), undefined, "envelope = 'row'")
  refused(place, incompatible('format=parquet'), undefined, "format = 'parquet'")
  refused(place, incompatible('option kafka_sink_config'), undefined, "kafka_sink_config = '{}'")
  refused('kafka://h', incompatible('option pubsub_sink_config'), undefined, "pubsub_sink_config = '{}'")
  const config = (text: string): string => `pubsub_sink_config = '${text}'`
  refused(
    place,
    'invalid sink config, Flush.Frequency is not set, messages may never be sent',
    undefined,
    config('{"Flush": {"Messages": 10}}'),
  )
  refused(
    place,
    "Retry.Max must be a positive integer. use 'inf' for infinite retries.",
    undefined,
    config('{"Retry": {"Max": 0}}'),
  )
  refused(place, 'unknown field Flush.Mesages in pubsub_sink_config', /Messages/, config('{"Flush": {"Mesages": 1}}'))
  refused(
    'gcpubsub://p?AUTH=implicit',
    'unordered is not usable with resolved because resolved timestamps cannot be guaranteed to be correct in unordered mode',
    undefined,
    'unordered, resolved',
  )
})

test('the machines that a sink reaches are those of its region, and those that issue tokens', () => {
  const { sink } = planned(`${region}&CREDENTIALS=${base64(account)}&ASSUME_ROLE=a@p.iam`)
  assert.deepEqual(pubsub.addresses?.(sink), [
    { host: 'us-east1-pubsub.googleapis.com', port: 443 },
    { host: 'oauth2.googleapis.com', port: 443 },
    { host: 'iamcredentials.googleapis.com', port: 443 },
  ])
  assert.equal(pubsub.isImplicit?.(sink), false)
  assert.equal(pubsub.isImplicit?.(planned(place).sink), true)
  assert.equal(endpointOf({ region: undefined }, '').host, 'pubsub.googleapis.com')
  for (const [written, host, port] of [
    ['localhost:8432', 'localhost', 8432],
    ['http://emulator:1/', 'emulator', 1],
    ['emulator', 'emulator', 8085],
    ['[::1]:8085', '[::1]', 8085],
  ] as const)
    assert.deepEqual(endpointOf({ region: 'us-east1' }, written), { host, port, isEmulator: true })
})

test('SHOW JOBS shows no key, however its parameter is written', () => {
  assert.equal(showSinkUri(`${region}&CREDENTIALS=abc&AUTH=specified`), `${region}&CREDENTIALS=redacted&AUTH=specified`)
  assert.equal(showSinkUri(`${region}&credentials=abc`), `${region}&credentials=redacted`)
})

const source = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')

test('every parameter and every field in the tables is read', () => {
  const readers = ['read-spec.ts', '../google-credentials.ts', '../topic-names.ts'].map(source).join('')
  assert.deepEqual(
    Object.keys(pubsubParameters).filter((name) => !readers.includes(`'${name}'`)),
    [],
  )
  const config = source('read-spec.ts') + source('../batching/read-batch-config.ts')
  const asked = config.matchAll(/\.(?:any|text|integer|durationMs|object)\('(\w+)'\)/g)
  const fields = Object.values(pubsubConfigFields).flatMap((group) => Object.keys(group))
  const parameters = Object.keys(pubsubParameters)
  assert.deepEqual(
    [...new Set(Array.from(asked, ([, name = '']) => name))].filter((name) => !parameters.includes(name)).sort(),
    fields.sort(),
  )
})
