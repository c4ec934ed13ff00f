import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FeedError } from '../errors/feed-error.ts'
import { readSinkUri, redactSinkUri, showSinkUri } from './sink-uri.ts'

test('a URI is shown without its user and its secrets, however they are written', () => {
  const table: [uri: string, shown: string][] = [
    ['kafka://h:9092', 'kafka://h:9092'],
    ['kafka://a:1,b:2?topic_prefix=x_', 'kafka://a:1,b:2?topic_prefix=x_'],
    ['kafka://u:p@h', 'kafka://redacted@h'],
    ['kafka://u@h', 'kafka://redacted@h'],
    ['kafka://u:p@q@h?sasl_user=me@there', 'kafka://redacted@h?sasl_user=me@there'],
    ['kafka://u:p/q@h/path', 'kafka://redacted@h/path'],
    [
      'kafka://h?sasl_user=me&sasl_password=pw&tls_enabled=true',
      'kafka://h?sasl_user=me&sasl_password=redacted&tls_enabled=true',
    ],
    ['kafka://h?sasl%5fpassword=pw', 'kafka://h?sasl%5fpassword=redacted'],
    ['kafka://h?SASL_PASSWORD=a=b', 'kafka://h?SASL_PASSWORD=redacted'],
    [
      'kafka://h?ca_cert=a&client_cert=b&client_key=c',
      'kafka://h?ca_cert=redacted&client_cert=redacted&client_key=redacted',
    ],
    ['confluent-cloud://h?api_key=k&api_secret=s', 'confluent-cloud://h?api_key=k&api_secret=redacted'],
    [
      'azure-event-hub://h?shared_access_key_name=n&shared_access_key=s',
      'azure-event-hub://h?shared_access_key_name=n&shared_access_key=redacted',
    ],
    [
      's3://b/p?AWS_ACCESS_KEY_ID=1&AWS_SECRET_ACCESS_KEY=2',
      's3://b/p?AWS_ACCESS_KEY_ID=1&AWS_SECRET_ACCESS_KEY=redacted',
    ],
    ['null:', 'null:'],
    [
      'webhook-https://u:p@h?ca_cert=a&token=t&x&y=&&',
      'webhook-https://redacted@h?ca_cert=redacted&token=redacted&redacted&redacted&&',
    ],
    // Misspelt secrets, and those that the sink does not know.
    [
      's3://b/p?AWS_ACCESS_KEY_ID=1&AWS_SECRET_ACCES_KEY=2&AWS_REGION=r',
      's3://b/p?AWS_ACCESS_KEY_ID=1&AWS_SECRET_ACCES_KEY=redacted&AWS_REGION=r',
    ],
    ['kafka://h?sasl_passwrod=pw&topic_name=t', 'kafka://h?sasl_passwrod=redacted&topic_name=t'],
    ['azure-blob://b?AZURE_ACCOUNT_NAME=a&sig=s', 'azure-blob://b?AZURE_ACCOUNT_NAME=a&sig=redacted'],
    ['kafak://h?passwrod=pw', 'kafak://h?passwrod=redacted'],
    ['webhook-https://h:1/?insecure_tls_skip_verify=true', 'webhook-https://h:1/?insecure_tls_skip_verify=true'],
    ['webhook-https://h/services/T00/B00/a1B2c3D4e5F6g7H8', 'webhook-https://h/redacted'],
    ['webhook-https://h:1/hooks/catch/123456/bzkqwe/', 'webhook-https://h:1/redacted'],
    ['webhook-https://h/k\ney', 'webhook-https://h/redacted'],
  ]
  for (const [uri, shown] of table) assert.equal(showSinkUri(uri), shown)
})

test('an error repeats a URI without its user and without any value, also when it has no scheme', () => {
  const table: [uri: string, shown: string][] = [
    ['u:p@h:9092?a=b', 'redacted@h:9092?a=redacted'],
    ['kafka//u:p/q@h:9092', 'kafka//redacted@h:9092'],
    ['kafka:u:p@h', 'redacted@h'],
    ['kafka%3A%2F%2Fnope%0A', 'kafka%3A%2F%2Fnope%0A'],
    ['hooks.example.com/services/T00/abc?t0ken&a=b', 'hooks.example.com/redacted?redacted&a=redacted'],
    ['h/', 'h/'],
  ]
  for (const [uri, shown] of table) {
    assert.equal(redactSinkUri(uri), shown)
    assert.throws(
      () => readSinkUri(uri, 1),
      (error) => error instanceof FeedError && error.message === `no scheme found for sink URL "${shown}"`,
    )
  }
})

test('a scheme that does not exist is named, with the nearest one that does', () => {
  const failure = (uri: string): FeedError => {
    try {
      readSinkUri(uri, 7)
    } catch (error) {
      if (error instanceof FeedError) return error
    }
    return assert.fail(uri)
  }
  const { message, hint, position } = failure('kafak://u:secret@h')
  assert.deepEqual([message, hint, position], ['unsupported sink: kafak', 'did you mean "kafka"?', 7])
  assert.equal(failure('webhook://h/x').hint, 'did you mean "webhook-https"?')
  assert.equal(failure('file:///tmp/x').hint, 'did you mean "nodelocal"?')
  assert.match(failure('smoke-signal://hill').hint ?? '', /^the schemes of sinks are .*kafka, .*webhook-https/)
  // A name that every object has.
  assert.equal(failure('constructor://x').message, 'unsupported sink: constructor')
})

test('a null sink without anything behind its scheme is described as "null:", which is taken back', () => {
  assert.equal(showSinkUri('null://'), 'null:')
  assert.deepEqual(readSinkUri('null:', 1), readSinkUri('null://', 1))
  assert.equal(showSinkUri('null://x'), 'null://x')
})

test('a URI that lacks only slashes or the colon after its scheme is shown how it is written', () => {
  const example = "a sink is written as 'scheme://host:port?parameters', for example 'kafka://localhost:9092'"
  const table: [uri: string, hint: string][] = [
    ['kafka:/localhost:9092', "two slashes follow the colon: 'kafka://…'"],
    ['KAFKA:localhost:9092', "two slashes follow the colon: 'kafka://…'"],
    ['kafka:u:secret@h', "two slashes follow the colon: 'kafka://…'"],
    ['kafka//localhost:9092', "two slashes follow the colon: 'kafka://…'"],
    ['nodelocal:/1/x', "two slashes follow the colon: 'nodelocal://…'"],
    ['kafka:9092', example],
    ['localhost:9092', example],
    ['kafak:/h', example],
  ]
  for (const [uri, hint] of table)
    assert.throws(
      () => readSinkUri(uri, 1),
      (error: FeedError) => error.message.startsWith('no scheme found for sink URL "') && error.hint === hint,
      uri,
    )
})
