// Reads the text of composite values. PostgreSQL prints `(1,"a b",)`: NULL is nothing between commas, and the empty string is `""`.
// Inside quotes, `""` is one quote and `\\` is one backslash.

const quote = 0x22
const comma = 0x2c
const backslash = 0x5c
/** A larger buffer is not used for the next value with quotes or backslashes in it. */
const keepBytes = 64 * 1024
const noBytes: Buffer = Buffer.alloc(0)

/** The texts of the attributes of one value at a time, without an object for each. They are valid until the next `read`. */
export class CompositeText {
  /** How many attributes the value has. */
  count = 0
  #bytes = noBytes
  /** Texts whose quotes and backslashes have been taken out. */
  #plain = noBytes
  #plainLength = 0
  readonly #isPlain: boolean[] = []
  readonly #starts: number[] = []
  readonly #ends: number[] = []

  /** Returns false if the text is none of a composite value. */
  read(bytes: Buffer, start: number, end: number): boolean {
    this.#bytes = bytes
    this.#plainLength = 0
    this.count = 0
    if (end - start < 2 || bytes[start] !== 0x28 || bytes[end - 1] !== 0x29) return false
    const last = end - 1
    for (let at = start + 1; ; at++) {
      at = this.#attribute(bytes, at, last)
      if (at < 0) return false
      if (at >= last) return true
    }
  }

  isNull(i: number): boolean {
    return this.#starts[i] === -1
  }

  /** The text of an attribute that is not NULL is `[startOf(i), endOf(i))` of `bytesOf(i)`. */
  bytesOf(i: number): Buffer {
    return this.#isPlain[i] === true ? this.#plain : this.#bytes
  }

  startOf(i: number): number {
    return this.#starts[i] as number
  }

  endOf(i: number): number {
    return this.#ends[i] as number
  }

  /** Returns the offset of the comma after the attribute, or `last`; -1: it does not parse. */
  #attribute(bytes: Buffer, from: number, last: number): number {
    const isQuoted = bytes[from] === quote && from < last
    const start = isQuoted ? from + 1 : from
    let at = start
    for (; at < last; at++) {
      const byte = bytes[at] as number
      if (byte === backslash || byte === quote || (byte === comma && !isQuoted)) break
    }
    if (isQuoted) {
      const isWhole = at < last && bytes[at] === quote && (at + 1 === last || bytes[at + 1] === comma)
      if (!isWhole) return this.#escaped(bytes, from, last)
      this.#add(false, start, at)
      return at + 1
    }
    if (at < last && bytes[at] !== comma) return this.#escaped(bytes, from, last)
    if (at === from) this.#add(false, -1, -1)
    else this.#add(false, start, at)
    return at
  }

  #escaped(bytes: Buffer, from: number, last: number): number {
    const plain = this.#makeRoom(last - from)
    const start = this.#plainLength
    let length = start
    let inQuotes = false
    let at = from
    for (; at < last; at++) {
      const byte = bytes[at] as number
      if (byte === comma && !inQuotes) break
      if (byte === backslash) at += 1
      else if (byte === quote) {
        // Inside quotes, a quote before another quote escapes it. Any other quote opens or closes.
        const isDoubled = inQuotes && at + 1 < last && bytes[at + 1] === quote
        if (!isDoubled) {
          inQuotes = !inQuotes
          continue
        }
        at += 1
      }
      if (at >= last) return -1
      plain[length++] = bytes[at] as number
    }
    if (inQuotes) return -1
    this.#plainLength = length
    this.#add(true, start, length)
    return at
  }

  /** `bytes`: what is left of the value, which is enough for all attributes that come. */
  #makeRoom(bytes: number): Buffer {
    const { length } = this.#plain
    if (this.#plainLength === 0 && (length < bytes || length > keepBytes)) this.#plain = Buffer.allocUnsafe(bytes)
    return this.#plain
  }

  #add(isPlain: boolean, start: number, end: number): void {
    const i = this.count++
    this.#isPlain[i] = isPlain
    this.#starts[i] = start
    this.#ends[i] = end
  }
}

/**
 * Returns the list of attributes that a value has: the present ones, or those that the type had before. Their number tells; undefined:
 * there is no such list.
 */
export function attributesOf<T>(text: CompositeText, lists: readonly (readonly T[])[]): readonly T[] | undefined {
  for (const list of lists) if (list.length === text.count) return list
  // PostgreSQL prints `()` both for a value without fields and for a value whose only field is NULL.
  return text.count === 1 && text.isNull(0) ? lists.find(({ length }) => length === 0) : undefined
}
