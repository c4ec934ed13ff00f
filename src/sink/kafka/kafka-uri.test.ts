import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { planFor } from '../../../test/support/plan-for.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import { readSinkUri } from '../sink-uri.ts'
import { readKafkaUri, type KafkaUri } from './kafka-uri.ts'

const readWhole = (uri: string): KafkaUri => readKafkaUri(readSinkUri(uri, 7))
const read = (rest: string): KafkaUri => readWhole(`kafka://${rest}`)

function refused(uri: string, message: string | RegExp, hint?: string | RegExp): void {
  assert.throws(
    () => readWhole(uri),
    (error: FeedError) => {
      assert.equal(error.sqlstate, '22023')
      assert.equal(error.position, 7)
      if (typeof message === 'string') assert.equal(error.message, message)
      else assert.match(error.message, message)
      if (hint !== undefined) assert.match(error.hint ?? '', new RegExp(hint))
      return true
    },
    uri,
  )
}

/** Certificate and key as parameters. */
function makePair(): { readonly cert: string; readonly key: string; readonly encrypted: string } {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-uri-'))
  try {
    const run = (...args: string[]): void => assert.equal(spawnSync('openssl', args, { cwd: dir }).status, 0)
    run('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x', '-keyout', 'key', '-out', 'cert')
    run('pkcs8', '-topk8', '-in', 'key', '-out', 'encrypted', '-passout', 'pass:secret', '-v2', 'aes256')
    const encoded = (name: string): string => encodeURIComponent(readFileSync(join(dir, name)).toString('base64'))
    return { cert: encoded('cert'), key: encoded('key'), encrypted: encoded('encrypted') }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

test('brokers: one or several, names and addresses, with and without port', () => {
  for (const [rest, brokers] of [
    ['localhost:9092', ['localhost:9092']],
    ['localhost', ['localhost:9092']],
    ['a:1,b:2,c', ['a:1', 'b:2', 'c:9092']],
    ['a:1, b:2', ['a:1', 'b:2']],
    ['[::1]:9093', ['[::1]:9093']],
    ['[fe80::1]', ['[fe80::1]:9092']],
    ['h:1/?topic_prefix=p', ['h:1']],
    ['h:1/?', ['h:1']],
  ] as const)
    assert.deepEqual(read(rest).brokers, brokers, rest)
  refused('kafka://', 'the sink URI names no broker', "'kafka://localhost:9092'")
  refused('kafka:///?topic_prefix=p', 'the sink URI names no broker')
})

test('topic_prefix and topic_name', () => {
  assert.equal(read('h?topic_prefix=bar_').topicPrefix, 'bar_')
  assert.equal(read('h?topic_name=all%20of%20them').topicName, 'all of them')
  assert.equal(read('h').topicName, undefined)
  refused('kafka://h?schema_topic=x', 'schema_topic is not yet supported')
})

test('a parameter that does not exist is named, with the nearest one that does', () => {
  refused(
    'kafka://h?topic_prefx=p',
    'unknown kafka sink query parameters: [topic_prefx]',
    'did you mean topic_prefix\\?',
  )
  refused('kafka://h?zzzzzzzz=1&aaaaaaaa=2', 'unknown kafka sink query parameters: [aaaaaaaa, zzzzzzzz]')
  refused('kafka://h?api_key=1', 'unknown kafka sink query parameters: [api_key]')
})

test('booleans and base64 are what they are called', () => {
  for (const value of ['true', 'TRUE', 't', '1']) assert.ok(read(`h?tls_enabled=${value}`).tls, value)
  for (const value of ['false', 'f', '0']) assert.equal(read(`h?tls_enabled=${value}`).tls, undefined, value)
  for (const name of ['tls_enabled', 'insecure_tls_skip_verify', 'sasl_enabled', 'sasl_handshake'])
    refused(`kafka://h?${name}=foo`, `param ${name} must be a bool`)
  for (const name of ['ca_cert', 'client_cert', 'client_key'])
    refused(`kafka://h?${name}=!`, `param ${name} must be base 64 encoded`)
})

test('TLS: certificates need it, need each other, and are read', () => {
  const { cert, key, encrypted } = makePair()
  const other = makePair()
  for (const name of ['ca_cert', 'client_cert', 'client_key'])
    refused(`kafka://h?${name}=Zm9v`, `${name} requires tls_enabled=true`)
  refused(`kafka://h?tls_enabled=true&client_cert=${cert}`, 'client_cert requires client_key to be set')
  refused(`kafka://h?tls_enabled=true&client_key=${key}`, 'client_key requires client_cert to be set')
  refused('kafka://h?tls_enabled=true&ca_cert=Zm9v', /^failed to parse certificate data/, 'base64 -w 0')
  for (const [c, k] of [
    ['Zm9v', 'Zm9v'],
    [cert, other.key],
    [cert, encrypted],
  ])
    refused(
      `kafka://h?tls_enabled=true&client_cert=${c}&client_key=${k}`,
      'invalid client certificate data provided',
      'unencrypted',
    )
  const { tls } = read(`h?tls_enabled=true&ca_cert=${cert}&client_cert=${cert}&client_key=${key}`)
  assert.match(tls?.ca ?? '', /^-----BEGIN CERTIFICATE-----/)
  assert.match(tls?.cert ?? '', /^-----BEGIN CERTIFICATE-----/)
  assert.match(tls?.key ?? '', /^-----BEGIN PRIVATE KEY-----/)
  assert.equal(tls?.verify, true)
  assert.equal(read('h?tls_enabled=true&insecure_tls_skip_verify=true').tls?.verify, false)
  // As somebody types it who does not escape, and in the URL's alphabet.
  const plain = decodeURIComponent(cert)
  assert.equal(read(`h?tls_enabled=true&ca_cert=${plain}`).tls?.ca, tls?.ca)
  const forUrls = plain.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  assert.equal(read(`h?tls_enabled=true&ca_cert=${forUrls}`).tls?.ca, tls?.ca)
})

test('SASL: mechanisms in both spellings, and what belongs to them', () => {
  const on = 'h?tls_enabled=true&sasl_enabled=true'
  for (const [text, mechanism] of [
    ['', 'PLAIN'],
    ['&sasl_mechanism=PLAIN', 'PLAIN'],
    ['&sasl_mechanism=SASL-PLAIN', 'PLAIN'],
    ['&sasl_mechanism=SCRAM-SHA-256', 'SCRAM-SHA-256'],
    ['&sasl_mechanism=SASL-SCRAM-SHA-512', 'SCRAM-SHA-512'],
  ] as const)
    assert.deepEqual(read(`${on}&sasl_user=petee&sasl_password=bo%2Bnes${text}`).sasl, {
      mechanism,
      user: 'petee',
      password: 'bo+nes',
    })
  refused(`kafka://${on}`, 'sasl_user must be provided when SASL is enabled using mechanism PLAIN')
  refused(
    `kafka://${on}&sasl_mechanism=SCRAM-SHA-256`,
    'sasl_user must be provided when SASL is enabled using mechanism SCRAM-SHA-256',
  )
  refused(
    `kafka://${on}&sasl_user=a&sasl_password=b&sasl_client_id=c`,
    'sasl_client_id is only a valid parameter for sasl_mechanism=OAUTHBEARER',
  )
  refused(
    `kafka://${on}&sasl_user=a&sasl_password=b&sasl_aws_region=r`,
    'sasl_aws_region is only a valid parameter for sasl_mechanism=AWS_MSK_IAM',
  )
  refused('kafka://h?sasl_client_id=c', 'sasl_enabled must be enabled if sasl_client_id is provided')
  refused(`kafka://${on}&sasl_user=a`, 'sasl_password must be provided when SASL is enabled using mechanism PLAIN')
  refused('kafka://h?sasl_user=a', 'sasl_enabled must be enabled if sasl_user is provided')
  refused('kafka://h?sasl_password=a', 'sasl_enabled must be enabled if sasl_password is provided')
  refused('kafka://h?sasl_handshake=false', 'sasl_enabled must be enabled to configure SASL handshake behavior')
  refused('kafka://h?sasl_mechanism=PLAIN', 'sasl_enabled must be enabled to configure SASL mechanism')
  refused('kafka://h?sasl_enabled=true&sasl_user=a&sasl_password=b', 'sasl_enabled requires tls_enabled=true')
  refused(
    `kafka://${on}&sasl_mechanism=unsuppported`,
    'param sasl_mechanism must be one of AWS_MSK_IAM, OAUTHBEARER, PLAIN, SCRAM-SHA-256, or SCRAM-SHA-512',
  )
  refused(
    `kafka://${on}&sasl_mechanism=OAUTHBEARER`,
    'sasl_client_id must be provided when SASL is enabled using mechanism OAUTHBEARER',
  )
})

test('OAUTHBEARER: credentials of a client, and where it gets its tokens', () => {
  const on = 'tls_enabled=true&sasl_enabled=true&sasl_mechanism=OAUTHBEARER'
  const id = `${on}&sasl_client_id=feeds`
  const secret = `${id}&sasl_client_secret=${encodeURIComponent(Buffer.from('sécret').toString('base64'))}`
  const url = '&sasl_token_url=https%3A%2F%2Fidp%3A8443%2Ftoken%3Ftenant%3Da%26b%3Dc'
  const oauth = {
    mechanism: 'OAUTHBEARER',
    clientId: 'feeds',
    clientSecret: 'sécret',
    tokenUrl: 'https://idp:8443/token?tenant=a&b=c',
    grantType: 'client_credentials',
    scopes: [],
  } as const
  assert.deepEqual(read(`h?${secret}${url}`).sasl, oauth)
  const more = '&sasl_grant_type=urn%3Aother&sasl_scopes=a,b%20c&sasl_scopes=d'
  assert.deepEqual(read(`h?${secret}${url}${more}`).sasl, {
    ...oauth,
    grantType: 'urn:other',
    scopes: ['a', 'b', 'c', 'd'],
  })
  const lacks = (name: string): string => `${name} must be provided when SASL is enabled using mechanism OAUTHBEARER`
  refused(`kafka://h?${id}${url}`, lacks('sasl_client_secret'))
  refused(`kafka://h?${secret}`, lacks('sasl_token_url'))
  refused(`kafka://h?${id}&sasl_client_secret=a%20secret!${url}`, 'param sasl_client_secret must be base 64 encoded')
  for (const bad of ['idp%2Ftoken', 'ftp%3A%2F%2Fidp', 'file%3A%2F%2F%2Fetc%2Fpasswd', 'https%3A'])
    refused(
      `kafka://h?${secret}&sasl_token_url=${bad}`,
      'param sasl_token_url must be a URL that begins with https:// or http://',
      'percent-encode',
    )
  refused(
    `kafka://h?${secret}&sasl_token_url=https%3A%2F%2Fu%3Ap%40idp`,
    'param sasl_token_url holds no user and password',
    'sasl_client_id',
  )
  refused(`kafka://h?${secret}${url}&sasl_user=u`, 'sasl_user is not a valid parameter for sasl_mechanism=OAUTHBEARER')
  refused(
    `kafka://h?${secret}${url}&sasl_aws_region=r`,
    'sasl_aws_region is only a valid parameter for sasl_mechanism=AWS_MSK_IAM',
  )
  refused(`kafka://h?${(secret + url).replace('tls_enabled=true&', '')}`, 'sasl_enabled requires tls_enabled=true')
})

test('AWS_MSK_IAM is refused with what works in its place', () => {
  // Its own parameters are not asked for first.
  for (const aws of [
    '',
    '&sasl_aws_region=r',
    '&sasl_aws_region=r&sasl_aws_iam_role_arn=a&sasl_aws_iam_session_name=s',
  ]) {
    assert.throws(
      () => read(`h?tls_enabled=true&sasl_enabled=true&sasl_mechanism=AWS_MSK_IAM${aws}`),
      (error: FeedError) => {
        assert.equal(error.message, 'sasl_mechanism=AWS_MSK_IAM is not supported yet')
        assert.equal(error.code, 'FEED_UNSUPPORTED')
        assert.match(error.hint ?? '', /^OAUTHBEARER, PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are/)
        return true
      },
    )
  }
})

test('Confluent Cloud and Event Hubs imply TLS and SASL/PLAIN, and refuse anything else', () => {
  const cloud = readWhole('confluent-cloud://h:9092?api_key=k&api_secret=s&topic_prefix=p_')
  assert.deepEqual([cloud.tls?.verify, cloud.brokers, cloud.topicPrefix], [true, ['h:9092'], 'p_'])
  assert.deepEqual(cloud.sasl, { mechanism: 'PLAIN', user: 'k', password: 's' })
  for (const secret of ['a%2Bb%2Fc', 'a+b/c']) {
    const { brokers, sasl } = readWhole(`confluent-cloud://h?api_key=k&api_secret=${secret}`)
    assert.deepEqual([brokers, sasl], [['h:9092'], { mechanism: 'PLAIN', user: 'k', password: 'a+b/c' }])
  }
  refused('confluent-cloud://h:9092?api_secret=s', 'scheme confluent-cloud requires parameter api_key')
  refused('confluent-cloud://h:9092?api_key=k', 'scheme confluent-cloud requires parameter api_secret')
  refused('confluent-cloud://h:9092?api_key=&api_secret=s', 'scheme confluent-cloud requires parameter api_key')
  const policy = 'shared_access_key_name=n&shared_access_key=a%2Bb%2Fc%3D'
  for (const hosted of [
    `confluent-cloud://h?api_key=k&api_secret=s`,
    `azure-event-hub://h?${policy}`,
    `kafka://h?${policy}`,
  ]) {
    for (const [name, value, only] of [
      ['tls_enabled', 'false', 'true'],
      ['sasl_enabled', 'false', 'true'],
      ['sasl_handshake', 'false', 'true'],
      ['sasl_mechanism', 'OAUTHBEARER', 'PLAIN'],
    ])
      refused(
        `${hosted}&${name}=${value}`,
        `unsupported value ${value} for parameter ${name}, please use ${only} instead`,
      )
    const written = 'tls_enabled=true&sasl_enabled=true&sasl_handshake=true&sasl_mechanism=PLAIN'
    assert.deepEqual(readWhole(`${hosted}&${written}`), readWhole(hosted))
    refused(`${hosted}&sasl_user=u`, 'unknown kafka sink query parameters: [sasl_user]')
  }
  refused(
    'confluent-cloud://h?api_key=k&api_secret=s&shared_access_key=x',
    'unknown kafka sink query parameters: [shared_access_key]',
  )
})

test('the password of Event Hubs is a connection string, which names the namespace and the policy', () => {
  const namespace = 'ns.servicebus.windows.net'
  const sasl = {
    mechanism: 'PLAIN',
    user: '$ConnectionString',
    password: `Endpoint=sb://${namespace}/;SharedAccessKeyName=send only;SharedAccessKey=a+b/c=`,
  }
  const policy = 'shared_access_key_name=send%20only&shared_access_key='
  // As somebody types the key who does not escape it, too.
  for (const key of ['a%2Bb%2Fc%3D', 'a+b/c='])
    for (const scheme of ['azure-event-hub', 'kafka'])
      assert.deepEqual(readWhole(`${scheme}://${namespace}:9093?${policy}${key}`).sasl, sasl)
  for (const scheme of ['azure-event-hub', 'kafka'])
    assert.deepEqual(readWhole(`${scheme}://${namespace}?${policy}x`).brokers, [`${namespace}:9093`])
  refused(
    'azure-event-hub://h:9093?shared_access_key=s',
    'scheme azure-event-hub requires parameter shared_access_key_name',
  )
  refused('azure-event-hub://h:9093', 'scheme azure-event-hub requires parameter shared_access_key_name')
  refused(
    'azure-event-hub://h:9093?shared_access_key_name=n',
    'scheme azure-event-hub requires parameter shared_access_key',
  )
  refused('kafka://h?shared_access_key_name=n', 'scheme kafka requires parameter shared_access_key')
})

test('what a Kafka URI has no place for is refused: user and password, a path, an empty topic', () => {
  refused('kafka://u:p@h:9092', 'a Kafka sink URI holds no user and password before the brokers')
  refused('kafka://h:9092/topic', 'a Kafka sink URI has no path after the brokers')
  refused('kafka://a,h:0', 'the broker h:0 has no port from 1 to 65535')
  refused('kafka://h:70000', 'the broker h:70000 has no port from 1 to 65535')
  refused('kafka://h:9092?topic_name=', 'param topic_name must not be empty')
  assert.deepEqual(read('h:9092/').brokers, ['h:9092'])
})

test('a batch that would be larger than brokers take is said when the changefeed starts', () => {
  const notices = (flush: string): readonly string[] =>
    planFor(`CREATE CHANGEFEED FOR t INTO 'kafka://h' WITH kafka_sink_config = '{"Flush": ${flush}}'`).notices.slice(1)
  assert.deepEqual(notices('{"MaxMessages": 5000, "MaxBytes": 921600}'), [])
  assert.deepEqual(notices('{"MaxBytes": 2000000}'), [
    'Flush.MaxBytes of kafka_sink_config is 2000000, but a batch for Kafka has at most 921600 bytes, and that is what counts',
  ])
})
