import assert from 'node:assert/strict'
import { constants } from 'node:buffer'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import type { FeedError } from '../../errors/feed-error.ts'
import { Output } from './output.ts'
import { catchTooLong } from './too-long.ts'

/** What the shell makes of a chunk of which reading throws. */
function read(reading: () => void): { readonly error: FeedError | undefined; readonly isClosed: boolean } {
  const socket = new PassThrough()
  let error: FeedError | undefined
  socket.on('data', reading)
  catchTooLong(socket as unknown as Parameters<typeof catchTooLong>[0], (tooLong) => (error = tooLong))
  socket.emit('data', Buffer.from('a chunk'))
  return { error, isClosed: socket.destroyed }
}

test('a value that is longer than a string can be ends its statement with what to do', () => {
  const { error, isClosed } = read(() => Buffer.alloc(constants.MAX_STRING_LENGTH + 1).toString('latin1'))
  assert.match(error?.message ?? '', /^a value is too long to print: .* 536,870,888 bytes/)
  assert.match(error?.hint ?? '', /substring/)
  assert.equal(isClosed, true)
})

test('a row whose values are too long together ends its statement with what to do', () => {
  const half = 'x'.repeat(constants.MAX_STRING_LENGTH / 2)
  const { error, isClosed } = read(() => [half, half, half].join(','))
  assert.match(error?.message ?? '', /^a row or table is too long to print/)
  assert.equal(isClosed, true)
})

test('another error of whoever reads is thrown as it is', () => {
  assert.throws(
    () =>
      read(() => {
        throw new RangeError('another')
      }),
    /another/,
  )
})

test('long rows that arrive together are written one after the other, not as one string', () => {
  const sizes: number[] = []
  const stream = { on: () => stream, write: (text: string) => sizes.push(text.length) > 0 }
  const output = new Output(stream as unknown as PassThrough)
  const row = 'x'.repeat(constants.MAX_STRING_LENGTH - 100)
  for (let i = 0; i < 3; i++) output.write(row)
  output.flush()
  assert.deepEqual(sizes, [row.length, row.length, row.length])
})
