import assert from 'node:assert/strict'
import test from 'node:test'
import { FeedError } from '../errors/feed-error.ts'
import { readSetStatement } from './settings.ts'

const set = (name: string, text: string): string | undefined =>
  readSetStatement({ tag: 'set-cluster-setting', name, value: { tag: 'string', text, position: 9 }, position: 0 }, [])
    .value

test('values that would do harm in silence are refused, with what was probably meant', () => {
  for (const [name, text, message, hint] of [
    ['changefeed.changelog.max_size', '1', /1 B is too small/, /64 MiB.*0 is no limit/],
    ['changefeed.changelog.retention', '0s', /0s is too short/, /'1m'/],
    ['changefeed.changelog.retention', '59s', /59s is too short/, /'1m'/],
    ['changefeed.sink.allowed_hosts', '*', /"\*" names no machine/, /RESET it to allow all/],
    ['changefeed.sink.allowed_hosts', 'http://x', /"http:\/\/x" names no machine/, /host:port/],
    ['changefeed.sink.allowed_hosts', 'a b', /"a b" names no machine/, /separated by commas/],
    ['changefeed.sink.allowed_hosts', ' , ', /an entry of the list is empty/, /RESET it/],
    ['changefeed.sink.allowed_hosts', 'a,,b', /an entry of the list is empty/, /RESET it/],
    ['cloudstorage.http.custom_ca', 'ca.pem', /the text is no PEM certificate/, /not its name; RESET it/],
    ['changefeed.sink.allowed_hosts', '[::1', /names no machine/, /host:port/],
  ] as const) {
    assert.throws(
      () => set(name, text),
      (error: FeedError) => {
        assert.equal(error.code, 'FEED_SETTING')
        assert.match(error.message, message)
        assert.match(error.hint ?? '', hint)
        assert.equal(error.position, 10)
        return true
      },
    )
  }
})

test('values that somebody means are taken', () => {
  for (const [name, ...texts] of [
    ['changefeed.changelog.max_size', '0', '64 MiB', '1 TiB'],
    ['changefeed.changelog.retention', '1m', '25h'],
    [
      'changefeed.sink.allowed_hosts',
      '',
      'localhost',
      'a:9092, b_c.example.com,*.internal, 10.0.0.1:1, ::1, [::1]:9092',
      '*.example.org, 127.0.0.1:1',
    ],
  ] as const) {
    for (const text of texts) assert.notEqual(set(name, text), undefined)
  }
})
