// Writes one value of a CSV line, in quotes if it needs them: if it contains a comma, a quote or the end of a line, begins with
// white space, or is a word that readers take for something else: NULL, and `\.`, which ends the data of PostgreSQL's COPY.

import type { ByteWriter } from '../../bytes/byte-writer.ts'

const quote = 0x22

/** By byte: a value that contains it is quoted. */
const special = new Uint8Array(256)
for (const character of ',"\r\n') special[character.charCodeAt(0)] = 1
/** By byte: a value that begins with it is quoted. */
const blank = new Uint8Array(256)
for (const character of ' \t\v\f') blank[character.charCodeAt(0)] = 1

export function writeField(bytes: Uint8Array, start: number, end: number, out: ByteWriter): void {
  if (!needsQuotes(bytes, start, end)) return out.copy(bytes, start, end)
  out.u8(quote)
  let from = start
  for (let i = start; i < end; i++) {
    if (bytes[i] !== quote) continue
    // The run ends with the quote, and the next run begins with it again.
    out.copy(bytes, from, i + 1)
    from = i
  }
  out.copy(bytes, from, end)
  out.u8(quote)
}

function needsQuotes(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return false
  if (blank[bytes[start] as number] === 1) return true
  for (let i = start; i < end; i++) if (special[bytes[i] as number] === 1) return true
  return isNull(bytes, start, end) || isEndOfData(bytes, start, end)
}

function isNull(bytes: Uint8Array, at: number, end: number): boolean {
  return (
    end - at === 4 && bytes[at] === 0x4e && bytes[at + 1] === 0x55 && bytes[at + 2] === 0x4c && bytes[at + 3] === 0x4c
  )
}

function isEndOfData(bytes: Uint8Array, at: number, end: number): boolean {
  return end - at === 2 && bytes[at] === 0x5c && bytes[at + 1] === 0x2e
}
