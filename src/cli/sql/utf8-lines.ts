// Reads the lines of standard input as text. Bytes that are not UTF-8 are refused with their position: decoding them would silently give
// another text, in a statement that may change data. Lines end with \n or \r\n only, because other characters may be in a string.

import type { Readable } from 'node:stream'
import { FeedError } from '../../errors/feed-error.ts'

const newline = 0x0a
const byteOrderMark = Buffer.from('\ufeff')

export async function* utf8Lines(input: Readable): AsyncGenerator<string, void> {
  let number = 0
  let begun: Buffer[] = []
  const take = (last: Buffer): string => {
    number += 1
    const line = Buffer.concat([...begun, last])
    begun = []
    return textOf(line, number)
  }
  for await (const chunk of input as AsyncIterable<Buffer>) {
    let from = 0
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      yield take(chunk.subarray(from, at))
      from = at + 1
    }
    // The bytes are copied, because the stream may reuse the memory of a chunk.
    if (from < chunk.length) begun.push(Buffer.from(chunk.subarray(from)))
  }
  if (begun.length > 0) yield take(Buffer.alloc(0))
}

function textOf(bytes: Buffer, number: number): string {
  const zero = bytes.indexOf(0)
  if (zero >= 0) throw refused(number, zero, 'is zero, which no text may hold')
  const text = bytes.toString('utf8')
  const again = Buffer.from(text)
  if (!again.equals(bytes)) {
    const wrong = bytes.findIndex((byte, at) => byte !== again[at])
    throw refused(number, wrong < 0 ? bytes.length - 1 : wrong, 'is not UTF-8')
  }
  const start = number === 1 && bytes.indexOf(byteOrderMark) === 0 ? 1 : 0
  return text.slice(start, text.endsWith('\r') ? -1 : undefined)
}

/** `offset` is the offset in the line, in bytes. */
function refused(number: number, offset: number, what: string): FeedError {
  return new FeedError('FEED_SYNTAX', `line ${number} of the input: byte ${offset + 1} ${what}`, {
    hint: 'the shell reads UTF-8: convert the file first, for example with iconv -f latin1 -t utf-8',
  })
}
