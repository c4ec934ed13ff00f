// The distinct values of a column of byte arrays, as long as they are few. A value is a number then, and its bytes are written once.

import { ByteWriter } from '../../../../bytes/byte-writer.ts'
import { grown } from '../../../../bytes/grow.ts'

/** More distinct values are no help: their numbers have 16 bits. */
const maxEntries = 65_536
/** From so many values on, at least half of them must have been there before. */
const patience = 1024

export class Dictionary {
  /** The entries, each as its length and its bytes. */
  readonly bytes = new ByteWriter(64)
  /** The entry of each value. */
  entries = new Uint16Array(64)
  #count = 0
  #isGivenUp = false
  /** Where each entry is in `bytes`. */
  #starts = new Uint32Array(64)
  /** A hash table: the number of an entry and 1, or 0. */
  #slots = new Int32Array(128)
  #size = 0

  /** The number of entries. */
  get size(): number {
    return this.#size
  }

  get isGivenUp(): boolean {
    return this.#isGivenUp
  }

  /** The bits of the number of an entry. */
  get width(): number {
    return Math.max(1, 32 - Math.clz32(this.#size - 1))
  }

  get held(): number {
    return this.bytes.buffer.length + this.entries.byteLength + this.#starts.byteLength + this.#slots.byteLength
  }

  add(value: Uint8Array, start: number, end: number): void {
    if (this.#isGivenUp) return
    let hash = 0x811c9dc5
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (value[i] as number), 0x01000193)
    hash ^= hash >>> 15
    const mask = this.#slots.length - 1
    let slot = hash & mask
    let entry = (this.#slots[slot] as number) - 1
    while (entry >= 0 && !this.#is(entry, value, start, end)) {
      slot = (slot + 1) & mask
      entry = (this.#slots[slot] as number) - 1
    }
    if (entry < 0) {
      if (this.#size === maxEntries || (this.#count >= patience && this.#size * 2 > this.#count)) return this.#giveUp()
      entry = this.#enter(slot, value, start, end)
    }
    if (this.#count === this.entries.length) this.entries = grown(this.entries)
    this.entries[this.#count++] = entry
  }

  clear(): void {
    this.bytes.clear()
    this.#count = 0
    this.#size = 0
    this.#slots.fill(0)
    this.#isGivenUp = false
  }

  #enter(slot: number, value: Uint8Array, start: number, end: number): number {
    const entry = this.#size++
    if (entry === this.#starts.length) this.#starts = grown(this.#starts)
    this.#starts[entry] = this.bytes.length
    writeBytes(value, start, end, this.bytes)
    this.#slots[slot] = entry + 1
    if (this.#size * 2 > this.#slots.length) this.#rehash()
    return entry
  }

  #is(entry: number, value: Uint8Array, start: number, end: number): boolean {
    const { buffer } = this.bytes
    let at = this.#starts[entry] as number
    if (buffer.readUInt32LE(at) !== end - start) return false
    at += 4
    for (let i = start; i < end; i++) if (buffer[at++] !== value[i]) return false
    return true
  }

  #rehash(): void {
    const { buffer } = this.bytes
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let entry = 0; entry < this.#size; entry++) {
      const start = (this.#starts[entry] as number) + 4
      const end = start + buffer.readUInt32LE(start - 4)
      let hash = 0x811c9dc5
      for (let i = start; i < end; i++) hash = Math.imul(hash ^ (buffer[i] as number), 0x01000193)
      hash ^= hash >>> 15
      let slot = hash & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = entry + 1
    }
    this.#slots = slots
  }

  #giveUp(): void {
    this.clear()
    this.#isGivenUp = true
  }
}

/** Appends a byte array as Parquet has it: its length, little-endian, and its bytes. */
export function writeBytes(value: Uint8Array, start: number, end: number, out: ByteWriter): void {
  out.ensure(4)
  out.length = out.buffer.writeUInt32LE(end - start, out.length)
  out.copy(value, start, end)
}
