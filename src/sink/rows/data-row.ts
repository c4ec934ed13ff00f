// Writes the DataRow messages of a feed without INTO, whose columns are (table, key, value):
//
//   'D'  i32 length (itself included)  i16 columns = 3  3 × (i32 length or -1 for NULL, bytes)

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import type { ValueFormat } from '../../core/feed-spec.ts'

const hexDigits = Buffer.from('0123456789abcdef')
const backslash = 0x5c

/** Starts a DataRow. Returns its offset for `endDataRow`. */
export function startDataRow(out: ByteWriter): number {
  const at = out.length
  out.u8(0x44)
  out.u32be(0)
  out.u16be(3)
  return at
}

export function endDataRow(out: ByteWriter, at: number): void {
  out.buffer.writeInt32BE(out.length - at - 1, at + 1)
}

export function nullColumn(out: ByteWriter): void {
  out.u32be(0xffffffff)
}

export function textColumn(out: ByteWriter, text: Uint8Array): void {
  out.u32be(text.length)
  out.copy(text)
}

/** Writes a bytea column in the form for which the client has asked. */
export function byteaColumn(
  out: ByteWriter,
  format: ValueFormat,
  source: Uint8Array,
  start: number,
  end: number,
): void {
  if (format === 'binary') {
    out.u32be(end - start)
    out.copy(source, start, end)
    return
  }
  const at = out.length
  out.u32be(0)
  if (format === 'hex') hex(out, source, start, end)
  else escape(out, source, start, end)
  out.buffer.writeInt32BE(out.length - at - 4, at)
}

/** Writes `\x` and two digits for each byte. */
function hex(out: ByteWriter, source: Uint8Array, start: number, end: number): void {
  out.ensure(2 + 2 * (end - start))
  const { buffer } = out
  let at = out.length
  buffer[at++] = backslash
  buffer[at++] = 0x78
  for (let i = start; i < end; i++) {
    const byte = source[i] as number
    buffer[at++] = hexDigits[byte >> 4] as number
    buffer[at++] = hexDigits[byte & 15] as number
  }
  out.length = at
}

/** Writes printable ASCII as it is, a backslash twice, and any other byte as `\ooo`. */
function escape(out: ByteWriter, source: Uint8Array, start: number, end: number): void {
  out.ensure(4 * (end - start))
  const { buffer } = out
  let at = out.length
  for (let i = start; i < end; i++) {
    const byte = source[i] as number
    if (byte === backslash) {
      buffer[at++] = backslash
      buffer[at++] = backslash
    } else if (byte >= 0x20 && byte <= 0x7e) {
      buffer[at++] = byte
    } else {
      buffer[at++] = backslash
      buffer[at++] = 0x30 + (byte >> 6)
      buffer[at++] = 0x30 + ((byte >> 3) & 7)
      buffer[at++] = 0x30 + (byte & 7)
    }
  }
  out.length = at
}
