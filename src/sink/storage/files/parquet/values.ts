// The values of a column of Parquet, as it stores them, made of the texts that PostgreSQL prints. There are no objects for values.

import { ByteWriter } from '../../../../bytes/byte-writer.ts'
import { Dictionary, writeBytes } from './dictionary.ts'

/** The smallest and the largest value, for readers that pass over what they do not look for. */
export type Bound = number | bigint | Uint8Array

const firstBytes = 64
const minusSign = 0x2d
const zero = 0x30
/** A text of so many characters is an integer that a double holds. */
const safeLength = 15

export abstract class Values {
  /** The bytes of the values. */
  readonly plain = new ByteWriter(firstBytes)
  count = 0
  min: Bound | undefined
  max: Bound | undefined
  /** Undefined: values of this type have none. */
  readonly dictionary: Dictionary | undefined = undefined

  /** Appends the value with the text `bytes[start, end)`. */
  abstract add(bytes: Buffer, start: number, end: number): void

  /** Called before the bytes are written. */
  end(): void {
    // They are as they are.
  }

  get held(): number {
    return this.plain.buffer.length + (this.dictionary?.held ?? 0)
  }

  clear(): void {
    this.plain.clear()
    this.dictionary?.clear()
    this.count = 0
    this.min = this.max = undefined
  }

  protected bound(value: number | bigint): void {
    if (this.min === undefined || value < (this.min as number)) this.min = value
    if (this.max === undefined || value > (this.max as number)) this.max = value
  }
}

export class Int32Values extends Values {
  add(bytes: Buffer, start: number, end: number): void {
    const value = integer(bytes, start, end)
    this.plain.ensure(4)
    this.plain.length = this.plain.buffer.writeInt32LE(value, this.plain.length)
    this.count += 1
    this.bound(value)
  }
}

export class Int64Values extends Values {
  add(bytes: Buffer, start: number, end: number): void {
    const { plain } = this
    plain.ensure(8)
    this.count += 1
    if (end - start > safeLength) {
      const value = BigInt(bytes.toString('latin1', start, end))
      plain.length = plain.buffer.writeBigInt64LE(value, plain.length)
      this.bound(value)
      return
    }
    const value = integer(bytes, start, end)
    plain.buffer.writeInt32LE(value | 0, plain.length)
    plain.length = plain.buffer.writeInt32LE(Math.floor(value / 2 ** 32), plain.length + 4)
    this.bound(value)
  }

  override end(): void {
    if (this.min !== undefined) this.min = BigInt(this.min as number)
    if (this.max !== undefined) this.max = BigInt(this.max as number)
  }
}

export class FloatValues extends Values {
  readonly #isDouble: boolean

  constructor(isDouble: boolean) {
    super()
    this.#isDouble = isDouble
  }

  add(bytes: Buffer, start: number, end: number): void {
    const { plain } = this
    const value = Number(bytes.toString('latin1', start, end))
    plain.ensure(8)
    const { buffer, length } = plain
    plain.length = this.#isDouble ? buffer.writeDoubleLE(value, length) : buffer.writeFloatLE(value, length)
    this.count += 1
    if (!Number.isNaN(value)) this.bound(this.#isDouble ? value : Math.fround(value))
  }

  /** Zeros of both signs are equal, and readers may compare bits. */
  override end(): void {
    if (this.min === 0) this.min = -0
    if (this.max === 0) this.max = 0
  }
}

export class BooleanValues extends Values {
  #bits = 0

  add(bytes: Buffer, start: number): void {
    if (bytes[start] === 0x74) this.#bits |= 1 << (this.count & 7)
    this.count += 1
    if ((this.count & 7) === 0) this.#put()
  }

  override end(): void {
    if ((this.count & 7) !== 0) this.#put()
  }

  #put(): void {
    this.plain.u8(this.#bits)
    this.#bits = 0
  }
}

/** Texts. Their bounds are places in `plain` until the end, because in a column that grows every value is the largest so far. */
export class TextValues extends Values {
  override readonly dictionary = new Dictionary()
  #minStart = 0
  #minEnd = 0
  #maxStart = 0
  #maxEnd = 0

  add(bytes: Buffer, start: number, end: number): void {
    const { plain } = this
    writeBytes(bytes, start, end, plain)
    this.dictionary.add(bytes, start, end)
    const { buffer, length } = plain
    const from = length - (end - start)
    if (this.count === 0 || compare(buffer, from, length, this.#minStart, this.#minEnd) < 0) {
      this.#minStart = from
      this.#minEnd = length
    }
    if (this.count === 0 || compare(buffer, from, length, this.#maxStart, this.#maxEnd) > 0) {
      this.#maxStart = from
      this.#maxEnd = length
    }
    this.count += 1
  }

  override end(): void {
    if (this.count === 0) return
    this.min = this.plain.buffer.subarray(this.#minStart, this.#minEnd)
    this.max = this.plain.buffer.subarray(this.#maxStart, this.#maxEnd)
  }
}

/** Of bytea, which is printed as `\x` and two digits for each byte. */
export class BinaryValues extends Values {
  add(bytes: Buffer, start: number, end: number): void {
    const { plain } = this
    const length = (end - start - 2) >> 1
    plain.ensure(4 + length)
    plain.length = plain.buffer.writeUInt32LE(length, plain.length)
    plain.length += plain.buffer.write(bytes.toString('latin1', start + 2, end), plain.length, 'hex')
    this.count += 1
  }
}

/** 16 bytes of hexadecimal digits with dashes between them. */
export class UuidValues extends Values {
  add(bytes: Buffer, start: number, end: number): void {
    const { plain } = this
    plain.ensure(16)
    let high = -1
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number
      if (byte === minusSign) continue
      const digit = byte < 0x40 ? byte - zero : (byte | 0x20) - 0x57
      if (high < 0) high = digit
      else {
        plain.buffer[plain.length++] = high * 16 + digit
        high = -1
      }
    }
    this.count += 1
  }
}

/** Of at most 15 characters. */
function integer(bytes: Buffer, start: number, end: number): number {
  const isNegative = bytes[start] === minusSign
  let value = 0
  for (let i = isNegative ? start + 1 : start; i < end; i++) value = value * 10 + (bytes[i] as number) - zero
  return isNegative ? -value : value
}

/** Compares two ranges of the same bytes. */
function compare(bytes: Buffer, start: number, end: number, otherStart: number, otherEnd: number): number {
  const length = Math.min(end - start, otherEnd - otherStart)
  for (let i = 0; i < length; i++) {
    const difference = (bytes[start + i] as number) - (bytes[otherStart + i] as number)
    if (difference !== 0) return difference
  }
  return end - start - (otherEnd - otherStart)
}
