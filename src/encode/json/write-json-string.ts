// Writes a string inside a json value. All its escapes are read, and only those that our messages use are written, so that
// equal strings are equal bytes, no matter how they were typed (`\/`, `\u0041`, `\b`).

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { writeCharacter, writeCharacters } from './write-text.ts'

const quote = 0x22
const backslash = 0x5c

/** The characters for which a backslash and a letter stand, by the letter; 0: the two are no such escape. */
const meanings = new Uint8Array(256)
const letters = '"\\/bfnrt'
const characters = '"\\/\b\f\n\r\t'
for (let i = 0; i < letters.length; i++) meanings[letters.charCodeAt(i)] = characters.charCodeAt(i)

/** Returns the offset after the closing quote of the string at `from`; -1 if the string does not end. */
export function jsonStringEnd(bytes: Buffer, from: number, end: number): number {
  for (let at = from + 1; at < end; at++) {
    const byte = bytes[at]
    if (byte === quote) return at + 1
    if (byte === backslash) at += 1
  }
  return -1
}

/** `bytes[from, end)` is the string with its quotes. */
export function writeJsonString(bytes: Buffer, from: number, end: number, out: ByteWriter): void {
  const last = end - 1
  out.u8(quote)
  let at = from + 1
  while (at < last) {
    let run = at
    while (run < last && bytes[run] !== backslash) run += 1
    writeCharacters(bytes, at, run, out)
    at = run < last ? writeEscaped(bytes, run, last, out) : last
  }
  out.u8(quote)
}

/** Writes the character of one escape; returns the offset after the escape. */
function writeEscaped(bytes: Buffer, at: number, end: number, out: ByteWriter): number {
  const letter = bytes[at + 1] as number
  const meaning = meanings[letter] as number
  if (meaning !== 0) {
    writeCharacter(meaning, out)
    return at + 2
  }
  if (letter !== 0x75) throw malformed()
  const unit = codeUnit(bytes, at + 2, end)
  if (unit >= 0xd800 && unit < 0xdc00 && bytes[at + 6] === backslash && bytes[at + 7] === 0x75 && at + 12 <= end) {
    const low = codeUnit(bytes, at + 8, end)
    if (low >= 0xdc00 && low < 0xe000) {
      writeCharacter(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), out)
      return at + 12
    }
  }
  writeCharacter(unit, out)
  return at + 6
}

function codeUnit(bytes: Buffer, at: number, end: number): number {
  if (at + 4 > end) throw malformed()
  let unit = 0
  for (let i = at; i < at + 4; i++) {
    const byte = (bytes[i] as number) | 0x20
    const digit = byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : -1
    if (digit < 0) throw malformed()
    unit = unit * 16 + digit
  }
  return unit
}

function malformed(): FeedError {
  return new FeedError('FEED_ROW', 'a json value does not parse')
}
