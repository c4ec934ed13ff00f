import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planFor } from '../../../test/support/plan-for.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import type { FeedSpec } from '../../core/feed-spec.ts'
import type { WebhookSinkSpec } from './spec.ts'

interface WebhookFeedSpec extends FeedSpec {
  readonly sink: WebhookSinkSpec
}

function planned(uri: string, options = ''): { readonly spec: WebhookFeedSpec; readonly notices: readonly string[] } {
  const { spec, notices } = planFor(`CREATE CHANGEFEED FOR t INTO '${uri}' ${options === '' ? '' : `WITH ${options}`}`)
  return { spec: spec as WebhookFeedSpec, notices }
}

function refused(uri: string, options: string, message: string | RegExp, hint?: RegExp): void {
  assert.throws(
    () => planned(uri, options),
    (error: FeedError) => {
      if (typeof message === 'string') assert.equal(error.message, message)
      else assert.match(error.message, message)
      if (hint !== undefined) assert.match(error.hint ?? '', hint)
      assert.doesNotMatch(`${error.message} ${error.hint}`, /s3cret/)
      return true
    },
    `${uri} ${options}`,
  )
}

const host = 'webhook-https://fake-host'

test('what is not a parameter of ours belongs to the URL of the endpoint; the user becomes a header', () => {
  const { sink } = planned('webhook-https://u:p%40q@h:8443/a/b?insecure_tls_skip_verify=true&x=1&y=a%20b&x=2').spec
  assert.equal(sink.url, 'https://h:8443/a/b?x=1&y=a+b&x=2')
  assert.equal(sink.tls.verify, false)
  const user = Buffer.from('u:p@q').toString('base64')
  assert.deepEqual(sink.headers, [{ name: 'authorization', value: `Basic ${user}` }])
  const { sink: plain } = planned(host).spec
  assert.deepEqual([plain.url, plain.headers, plain.timeoutMs], ['https://fake-host/', [], 3000])
  assert.deepEqual(plain.flush, { messages: 0, bytes: 0, frequencyMs: 0, maxMessages: 0, maxBytes: 0 })
  assert.deepEqual(plain.retry, { max: 3, backoffMs: 500 })
})

test('a user in the URI and an Authorization header of an option are refused together, and each alone is taken', () => {
  const both = (option: string): RegExp =>
    new RegExp(`^the sink URI has a user or a password, and ${option} gives the header Authorization, too$`)
  const hint = /remove user:password@ from the sink URI/
  for (const uri of ['webhook-https://u:s3cret@h', 'webhook-https://u@h', 'webhook-https://:s3cret@h']) {
    refused(uri, "webhook_auth_header = 'Bearer s3cret'", both('webhook_auth_header'), hint)
    refused(uri, `extra_headers = '{"authorization": "Bearer s3cret"}'`, both('extra_headers'), hint)
    assert.equal(planned(uri).spec.sink.headers.length, 1)
  }
  assert.equal(planned('webhook-https://h', "webhook_auth_header = 'Bearer s3cret'").spec.sink.headers.length, 1)
})

test('messages always have key and topic, in CSV neither', () => {
  const { keyInValue, topicInValue } = planned(host).spec
  assert.deepEqual([keyInValue, topicInValue], [true, true])
  const csv = planned(host, "format = csv, initial_scan = 'only', csv_header").spec
  assert.deepEqual([csv.keyInValue, csv.topicInValue, csv.sink.format, csv.sink.csvHeader], [false, false, 'csv', true])
})

test('options of the requests', () => {
  const { sink } = planned(
    host,
    `webhook_auth_header = 'Bearer s3cret', extra_headers = '{"X-One": "1", "x-two": 2, "x-none": null}', compression = 'GZIP',
     webhook_client_timeout = '1m', webhook_sink_config = '{"Flush": {"Messages": 10, "Bytes": 1000, "Frequency": "1s", "MaxBytes": 5000}, "Retry": {"Max": "inf", "Backoff": "2s"}}'`,
  ).spec
  assert.deepEqual(sink.headers, [
    { name: 'authorization', value: 'Bearer s3cret' },
    { name: 'x-one', value: '1' },
    { name: 'x-two', value: '2' },
  ])
  assert.deepEqual([sink.compression, sink.timeoutMs], ['gzip', 60_000])
  assert.deepEqual(sink.flush, { messages: 10, bytes: 1000, frequencyMs: 1000, maxMessages: 0, maxBytes: 5000 })
  assert.deepEqual(sink.retry, { max: Number.POSITIVE_INFINITY, backoffMs: 2000 })
})

test('a header that no request can have, or that the sink sets itself, is refused without its value', () => {
  refused(
    host,
    `webhook_auth_header = e's3cret\\n'`,
    'webhook_auth_header: the value of Authorization has a character that no HTTP header may have',
  )
  refused(host, `extra_headers = '{"a b": "s3cret"}'`, 'extra_headers: "a b" is no name of an HTTP header')
  refused(
    host,
    `extra_headers = '{"Content-Length": "s3cret"}'`,
    'extra_headers: the header Content-Length is set by the sink',
  )
  refused(
    host,
    `webhook_auth_header = 'Basic s3cret', extra_headers = '{"Authorization": "s3cret"}'`,
    'extra_headers: the header Authorization is given twice',
  )
  refused(host, `extra_headers = '4'`, 'headers is not a JSON object')
})

test('URIs that name no endpoint, or that a webhook cannot have, are refused', () => {
  refused('webhook-https://', '', 'the sink URI names no endpoint')
  refused('webhook-https:///path', '', 'the sink URI names no endpoint')
  refused('webhook-https://h:99999', '', 'the sink URI names no endpoint')
  refused('webhook-https://h:0/x', '', 'the sink URI has port 0, at which nothing can listen')
  for (const twice of ['https://h/x', 'ftp://h', 'https:/h', 'https:'])
    refused(`webhook-https://${twice}`, '', 'the sink URI has a scheme after its own', /webhook-https:\/\/hooks/)
  refused('webhook-https://h/a#b', '', 'a webhook sink URI has no fragment', /%23/)
  refused(`${host}?ca_cert=?`, '', 'param ca_cert must be base 64 encoded')
  refused(`${host}?ca_cert=Zm9v`, '', /^failed to parse certificate data/)
  refused(`${host}?client_cert=Zm9v`, '', 'client_cert requires client_key to be set')
  refused(`${host}?insecure_tls_skip_verify=maybe`, '', 'param insecure_tls_skip_verify must be a bool')
})

test('webhook-http:// needs its parameter, and an address of this machine or a private network', () => {
  refused('webhook-http://fake-host', '', 'this sink requires webhook-https', /insecure_plain_http=true/)
  refused('webhook-http://h?insecure_plain_http=false', '', 'this sink requires webhook-https')
  const allowed = planned('webhook-http://localhost:8080/a?insecure_plain_http=true&b=c')
  assert.equal(allowed.spec.sink.url, 'http://localhost:8080/a?b=c')
  assert.match(allowed.notices.join(), /webhook-http:\/\/ is not encrypted/)
  for (const address of ['127.0.0.1', '[::1]', '10.0.0.1', '192.168.0.7'])
    assert.ok(planned(`webhook-http://${address}?insecure_plain_http=true`))
  refused(
    'webhook-http://8.8.8.8?insecure_plain_http=true',
    '',
    /private networks, and 8.8.8.8 is an address elsewhere/,
  )
  refused(
    'webhook-http://h?insecure_plain_http=true&insecure_tls_skip_verify=true',
    '',
    /parameters of TLS are not for/,
  )
})

test('a parameter that looks like a misspelt one of ours is passed on with a notice', () => {
  assert.match(
    planned(`${host}?insecure_tls_skip_verfy=true`).notices.join(),
    /insecure_tls_skip_verfy of the sink URI is passed on to the endpoint; did you mean insecure_tls_skip_verify\?/,
  )
  assert.deepEqual(planned(`${host}?token=1`).notices, planned(host).notices)
})

test('options that are wrong for a webhook have the messages of CockroachDB', () => {
  const config = (json: unknown): string => `webhook_sink_config = '${JSON.stringify(json)}'`
  for (const [options, message] of [
    ["webhook_client_timeout = '0s'", 'option webhook_client_timeout must be a duration greater than 0'],
    ["webhook_client_timeout = '-500s'", "negative durations are not accepted: webhook_client_timeout='-500s'"],
    [
      "webhook_client_timeout = '0.5'",
      'problem parsing option webhook_client_timeout: time: missing unit in duration "0.5"',
    ],
    ["envelope = 'key_only'", 'this sink is incompatible with envelope=key_only'],
    ["envelope = 'row'", 'this sink is incompatible with envelope=row'],
    ["compression = 'invalid'", "unknown compression: invalid, valid values are 'gzip' and 'zstd'"],
    [
      config({ Flush: { Messages: 100 } }),
      'invalid sink config, Flush.Frequency is not set, messages may never be sent',
    ],
    [config({ Flush: { Bytes: 100 } }), 'invalid sink config, Flush.Frequency is not set, messages may never be sent'],
    [config({ Flush: { Messages: -1, Frequency: '1s' } }), 'invalid sink config, all values must be non-negative'],
    [config({ Flush: { Frequency: 'Zm9v' } }), 'error unmarshalling json: time: invalid duration "Zm9v"'],
    ["webhook_sink_config = 'not json'", "error unmarshalling json: invalid character 'o'"],
    ["webhook_sink_config = '{'", /^error unmarshalling json: /],
    [config({ Retry: { Max: 'not valid' } }), "Retry.Max must be either a positive int or 'inf' for infinite retries."],
    [config({ Retry: { Max: -1 } }), "Retry.Max must be a positive integer. use 'inf' for infinite retries."],
    [config({ Flash: {} }), 'unknown field Flash in webhook_sink_config'],
    [config({ RequiredAcks: 'ALL' }), 'unknown field RequiredAcks in webhook_sink_config'],
  ] as const)
    refused(host, options, message)
})

test('a timeout longer than a timer of Node can take is as long as that, and not over at once', () => {
  const { spec } = planned('webhook-https://h/', "webhook_client_timeout = '99999h'")
  assert.equal(spec.sink.timeoutMs, 2 ** 31 - 1)
})
