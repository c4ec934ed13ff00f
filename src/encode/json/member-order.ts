// Sorts the members of JSON objects that have been printed by the bytes of their keys, and keeps only the last of several
// members with the same key. Most objects are printed in order already, which is noticed as their members are added. Nested
// objects end before the objects around them, so the offsets of all open objects are in arrays that are used as stacks.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { grown } from '../../bytes/grow.ts'

const backslash = 0x5c
const separator = Buffer.from(', ')
/** An object with no more members than this is sorted in place, which is faster than sorting a JavaScript array. */
const fewMembers = 24

export class MemberOrder {
  /** For each member the offsets in the output at which its key starts (with the quote) and ends, and at which it ends. */
  #starts = new Int32Array(256)
  #keyEnds = new Int32Array(256)
  #ends = new Int32Array(256)
  #count = 0
  /** For each open object its first member, the offset of its members in the output, and whether a key was out of order. */
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

  /** Call when an object starts whose members will be printed from `at` on. Returns its number, for `close`. */
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

  /** Call when a key of the innermost open object has just been printed, from `start` to the end of the output. */
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

  /** Call when the innermost open object is complete except for its closing brace. */
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

  /** Fills `#order[0, count)` with the members in the order of their keys; members with the same key keep their order. */
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

  /** Compares the keys of two members in a copy of the output that starts at the offset `base`. */
  #compareCopies(bytes: Buffer, base: number, a: number, b: number): number {
    const aStart = (this.#starts[a] as number) + 1 - base
    const bStart = (this.#starts[b] as number) + 1 - base
    const aLength = (this.#keyEnds[a] as number) - 1 - base - aStart
    const bLength = (this.#keyEnds[b] as number) - 1 - base - bStart
    const common = Math.min(aLength, bLength)
    for (let i = 0; i < common; i++) {
      const x = bytes[aStart + i] as number
      const y = bytes[bStart + i] as number
      // The order is that of the characters for which escapes stand.
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
