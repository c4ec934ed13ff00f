// Writes numerics with a precision: the number without its point is a whole number in two's complement, highest byte first,
// in as few bytes as it needs. NaN and the infinities are strings, in the third branch of the union.
//
//   numeric(4,1): 1.2 is 12, `0c`          -25.6 is -256, `ff 00`

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { branch, malformed, type ValueWriter } from './value-writer.ts'
import { writeLong } from './write-long.ts'
import { writeTextAs } from './write-text.ts'

const zero = 0x30
const point = 0x2e
const minus = 0x2d
/** As many digits are always a safe integer. */
const safeDigits = 15
/** A large number is words of 24 bits here, lowest first, so that a word times ten million is a safe integer. */
const wordBits = 24
const wordSize = 1 << wordBits
const digitsAtOnce = 7

/** `scale`: how many digits after the point the schema has. */
export function decimalWriter(scale: number): ValueWriter {
  const large = new LargeNumber()

  return (bytes, start, end, out) => {
    const isNegative = bytes[start] === minus
    const first = isNegative ? start + 1 : start
    const firstDigit = (bytes[first] as number) - zero
    if (start === end || firstDigit > 9) return writeTextAs(branch.second, bytes, start, end, out)
    if (first >= end || firstDigit < 0) throw malformed('numeric')
    let at = first
    while (at < end && bytes[at] !== point) at += 1
    const places = Math.max(0, end - at - 1)
    if (places > scale) throw tooManyPlaces(places, scale)
    out.u8(branch.first)
    if (end - first + scale - places > safeDigits) {
      large.read(bytes, first, end, scale - places)
      large.write(isNegative, out)
      return
    }
    let value = 0
    for (let i = first; i < end; i++) {
      if (i !== at) value = value * 10 + digit(bytes[i] as number)
    }
    for (let i = places; i < scale; i++) value *= 10
    writeSafe(value, isNegative, out)
  }
}

function digit(byte: number): number {
  const value = byte - zero
  if (value < 0 || value > 9) throw malformed('numeric')
  return value
}

/** Writes the bytes of ±`value`, a safe integer, and their count before them. */
function writeSafe(value: number, isNegative: boolean, out: ByteWriter): void {
  // The bytes of a negative number are the complements of those of the number above its opposite.
  const magnitude = isNegative && value > 0 ? value - 1 : value
  const invert = isNegative && value > 0 ? 0xff : 0
  let count = 1
  for (let limit = 0x80; magnitude >= limit; limit *= 0x100) count += 1
  out.ensure(count + 1)
  const { buffer } = out
  buffer[out.length++] = 2 * count
  let rest = magnitude
  for (let i = out.length + count - 1; i >= out.length; i--) {
    buffer[i] = (rest & 0xff) ^ invert
    rest = Math.floor(rest / 0x100)
  }
  out.length += count
}

/** A whole number of any size. */
class LargeNumber {
  #words = new Uint32Array(16)
  #count = 0

  /** Reads digits, perhaps with a point in between, and as many zeros behind them. */
  read(bytes: Buffer, start: number, end: number, zeros: number): void {
    const room = Math.ceil(((end - start + zeros) * Math.log2(10)) / wordBits) + 1
    if (this.#words.length < room) this.#words = new Uint32Array(room)
    this.#count = 0
    let chunk = 0
    let power = 1
    for (let i = start; i < end + zeros; i++) {
      const byte = i < end ? (bytes[i] as number) : zero
      if (byte === point) continue
      chunk = chunk * 10 + digit(byte)
      power *= 10
      if (power < 10 ** digitsAtOnce) continue
      this.#multiplyAndAdd(power, chunk)
      chunk = 0
      power = 1
    }
    if (power > 1) this.#multiplyAndAdd(power, chunk)
  }

  #multiplyAndAdd(factor: number, add: number): void {
    const words = this.#words
    let carry = add
    for (let i = 0; i < this.#count; i++) {
      const product = (words[i] as number) * factor + carry
      words[i] = product % wordSize
      carry = Math.floor(product / wordSize)
    }
    if (carry > 0) words[this.#count++] = carry
  }

  write(isNegative: boolean, out: ByteWriter): void {
    const words = this.#words
    let count = this.#count
    const isBelowZero = isNegative && count > 0
    if (isBelowZero) {
      let i = 0
      while (words[i] === 0) words[i++] = wordSize - 1
      words[i] = (words[i] as number) - 1
    }
    while (count > 0 && words[count - 1] === 0) count -= 1
    // The highest bit is the sign.
    const highest = count === 0 ? 0 : (words[count - 1] as number)
    const bits = count === 0 ? 0 : (count - 1) * wordBits + 32 - Math.clz32(highest)
    const length = (bits >> 3) + 1
    writeLong(length, out)
    out.ensure(length)
    const { buffer } = out
    const invert = isBelowZero ? 0xff : 0
    for (let i = 0; i < length; i++) {
      const word = Math.floor(i / 3)
      const byte = word < count ? ((words[word] as number) >>> (8 * (i % 3))) & 0xff : 0
      buffer[out.length + length - 1 - i] = byte ^ invert
    }
    out.length += length
  }
}

function tooManyPlaces(places: number, scale: number): FeedError {
  return new FeedError(
    'FEED_ROW',
    `a decimal has ${places} digits after its point, and its type is known with ${scale}`,
  )
}
