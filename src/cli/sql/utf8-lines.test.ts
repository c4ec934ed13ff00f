import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import test from 'node:test'
import { FeedError } from '../../errors/feed-error.ts'
import { utf8Lines } from './utf8-lines.ts'

async function read(...chunks: readonly Buffer[]): Promise<string[]> {
  const lines: string[] = []
  for await (const line of utf8Lines(Readable.from(chunks))) lines.push(line)
  return lines
}

test('lines come whole and unchanged, however the bytes are cut', async () => {
  const text = "\ufeffSELECT 'é漢😀';\r\nSELECT 'a\u2028b\rc';\n\nlast"
  const expected = ["SELECT 'é漢😀';", "SELECT 'a\u2028b\rc';", '', 'last']
  const bytes = Buffer.from(text)
  assert.deepEqual(await read(bytes), expected)
  assert.deepEqual(await read(...[...bytes].map((byte) => Buffer.of(byte))), expected)
  assert.deepEqual(await read(), [])
})

test('bytes that are no UTF-8 text are refused with line and byte', async () => {
  for (const [bytes, place] of [
    [Buffer.from("SELECT 1;\nSELECT 'caf\xe9';\n", 'latin1'), 'line 2 of the input: byte 12 is not UTF-8'],
    [Buffer.from('SELECT 1;\n\xff\xfe', 'latin1'), 'line 2 of the input: byte 1 is not UTF-8'],
    [Buffer.from([0x41, 0xc3]), 'line 1 of the input: byte 2 is not UTF-8'],
    [Buffer.from('a\0b'), 'line 1 of the input: byte 2 is zero, which no text may hold'],
  ] as const) {
    await assert.rejects(read(bytes), (error: FeedError) => {
      assert.equal(error.message, place)
      assert.match(error.hint ?? '', /iconv/)
      return true
    })
  }
})
