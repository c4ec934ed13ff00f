// Puts the members of printed JSON objects into the order of their keys' bytes, the last of equal keys alone. Most
// objects come in order already and are only watched. Nested objects are closed from the inside, so the borders of all
// open ones lie in columns that grow and shrink like a stack.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { grown } from '../../bytes/grow.ts'

const backslash = 0x5c
const separator = Buffer.from(', ')
/** Up to here a simple sort in place is quicker than an array. */
const fewMembers = 24

export class MemberOrder {
  /** Per member: where its key starts (at the quote) and ends, and where the member ends, as offsets into the output. */
  #starts = new Int32Array(256)
  #keyEnds = new Int32Array(256)
  #ends = new Int32Array(256)
  #count = 0
  /** Per open object: its first member, where its members start in the output, and whether a key came out of order. */
  #firsts = new Int32Array(64)
  #outs = new Int32Array(64)
  #disordered = new Uint8Array(64)
  #open = 0
  #order = new Int32Array(64)
  #scratch = Buffer.alloc(0)

  clear(): void {
    this.#count = 0
    this.#open = 0
  }

  /** An object starts, its members will be printed from `at` on. Gives its number, for `close`. */
  open(at: number): number {
    const object = this.#open++
    if (object === this.#firsts.length) {
      this.#firsts = grown(this.#firsts)
      this.#outs = grown(this.#outs)
      this.#disordered = grown(this.#disordered)
    }
    this.#firsts[object] = this.#count
    this.#outs[object] = at
    this.#disordered[object] = 0
    return object
  }

  /** The innermost open object has a member whose key was just printed from `start` on. */
  startMember(out: ByteWriter, start: number): void {
    const member = this.#count++
    if (member === this.#starts.length) {
      this.#starts = grown(this.#starts)
      this.#keyEnds = grown(this.#keyEnds)
      this.#ends = grown(this.#ends)
    }
    this.#starts[member] = start
    this.#keyEnds[member] = out.length
    const object = this.#open - 1
    if (member === this.#firsts[object] || this.#disordered[object] === 1) return
    if (this.#compare(out.buffer, member - 1, member) >= 0) this.#disordered[object] = 1
  }

  endMember(at: number): void {
    this.#ends[this.#count - 1] = at
  }

  /** The innermost open object is complete but for its brace. */
  close(object: number, out: ByteWriter): void {
    const first = this.#firsts[object] as number
    if (this.#count > first) this.endMember(out.length)
    if (this.#disordered[object] === 1) this.#rewrite(first, this.#outs[object] as number, out)
    this.#count = first
    this.#open = object
  }

  #rewrite(first: number, from: number, out: ByteWriter): void {
    const count = this.#count - first
    this.#sort(first, count, out.buffer)
    const length = out.length - from
    if (this.#scratch.length < length) this.#scratch = Buffer.allocUnsafeSlow(2 * length)
    const printed = this.#scratch
    out.buffer.copy(printed, 0, from, out.length)
    out.length = from
    for (let i = 0; i < count; i++) {
      const member = this.#order[i] as number
      if (i + 1 < count && this.#compareCopies(printed, from, member, this.#order[i + 1] as number) === 0) continue
      if (out.length > from) out.copy(separator)
      out.copy(printed, (this.#starts[member] as number) - from, (this.#ends[member] as number) - from)
    }
    if (this.#scratch.length > 1024 * 1024) this.#scratch = Buffer.alloc(0)
  }

  /** `#order[0, count)`: the members by key, equal keys as they came. */
  #sort(first: number, count: number, bytes: Buffer): void {
    if (this.#order.length < count) this.#order = new Int32Array(2 * count)
    const order = this.#order
    if (count > fewMembers) {
      const members = Array.from({ length: count }, (_, i) => first + i)
      order.set(members.sort((a, b) => this.#compare(bytes, a, b)))
      return
    }
    for (let i = 0; i < count; i++) {
      let place = i
      for (; place > 0 && this.#compare(bytes, order[place - 1] as number, first + i) > 0; place--) {
        order[place] = order[place - 1] as number
      }
      order[place] = first + i
    }
  }

  #compare(bytes: Buffer, a: number, b: number): number {
    return this.#compareCopies(bytes, 0, a, b)
  }

  /** Compares two keys in a copy of the output that starts at `base`. */
  #compareCopies(bytes: Buffer, base: number, a: number, b: number): number {
    const aStart = (this.#starts[a] as number) + 1 - base
    const bStart = (this.#starts[b] as number) + 1 - base
    const aLength = (this.#keyEnds[a] as number) - 1 - base - aStart
    const bLength = (this.#keyEnds[b] as number) - 1 - base - bStart
    const common = Math.min(aLength, bLength)
    for (let i = 0; i < common; i++) {
      const x = bytes[aStart + i] as number
      const y = bytes[bStart + i] as number
      // What an escape stands for decides, not its letters.
      if (x === backslash || y === backslash) return compareEscaped(bytes, aStart, aLength, bStart, bLength)
      if (x !== y) return x - y
    }
    return aLength - bLength
  }
}

function compareEscaped(bytes: Buffer, aStart: number, aLength: number, bStart: number, bLength: number): number {
  const plain = (start: number, length: number): Buffer =>
    Buffer.from(JSON.parse(`"${bytes.toString('utf8', start, start + length)}"`) as string)
  return plain(aStart, aLength).compare(plain(bStart, bLength))
}
