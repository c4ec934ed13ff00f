import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FeedError } from '../errors/feed-error.ts'
import { isPublicationMissing, publicationLost, Remedies } from './remedy.ts'

const inDecoding = (sqlstate: string): FeedError =>
  new FeedError('FEED_SOURCE_REFUSED', 'it cannot', {
    sqlstate,
    context: 'slot "s", output plugin "pgoutput", in the change callback, associated LSN 0/1',
  })

/** A function, so that the compiler does not think that it stays what it was. */
const tagOf = (remedies: Remedies): string => remedies.now.tag

const at = (error: unknown, logEnd: bigint, wasStreaming = true): Parameters<Remedies['failed']>[0] => ({
  error,
  logEnd,
  difference: undefined,
  wasStreaming,
})

test('a publication that decoding does not find is passed over at once, also in a pull', () => {
  for (const wasStreaming of [true, false]) {
    const remedies = new Remedies()
    remedies.failed(at(inDecoding('42704'), 5n, wasStreaming))
    assert.equal(tagOf(remedies), 'pass-over')
    remedies.done()
    assert.equal(tagOf(remedies), 'none')
  }
})

test('what is passed over before a publication is made anew is what decoding would not find', () => {
  assert.ok(isPublicationMissing(publicationLost()))
})

test('a failure of decoding is passed over when the stream has met it three times at one place', () => {
  const remedies = new Remedies()
  const tags = [false, true, true, true].map((wasStreaming) => {
    remedies.failed(at(inDecoding('22P03'), 5n, wasStreaming))
    return tagOf(remedies)
  })
  assert.deepEqual(tags, ['stream', 'stream', 'stream', 'pass-over'])
})

test('failures at different places, of the connection, or of resources are not passed over', () => {
  const remedies = new Remedies()
  for (let end = 1n; end < 10n; end++) remedies.failed(at(inDecoding('22P03'), end))
  assert.equal(tagOf(remedies), 'stream')
  remedies.failed(at(new FeedError('FEED_SOURCE_DOWN', 'gone'), 20n))
  assert.equal(tagOf(remedies), 'none')
  for (let i = 0; i < 10; i++) remedies.failed(at(inDecoding('53200'), 30n))
  assert.equal(tagOf(remedies), 'none')
})
