// A set of row keys that numbers them in the order in which they are added; the same bytes get the same number. It serves to
// find the last change of each row in a transaction. It is a hash table with open addressing over one buffer of key bytes, so
// that no key is an object.

import { grown } from '../../bytes/grow.ts'
import { kind, type RowView } from '../../core/row-view.ts'

const initialSlots = 1024
const arenaBytes = 32 * 1024
/** A buffer that wide keys have made larger than this is freed by `clear`. */
const keepArenaBytes = 4 * 1024 * 1024

export class KeyTable {
  /** The number of the entry, plus 1, for each slot; 0: the slot is free. */
  #slots = new Int32Array(initialSlots)
  #arena = Buffer.allocUnsafeSlow(arenaBytes)
  #arenaLength = 0
  /** Where the bytes of each entry start. They end where those of the next entry start. */
  #starts = new Uint32Array(initialSlots)
  #hashes = new Uint32Array(initialSlots)
  size = 0

  /** The size of the buffer of key bytes. */
  get arenaBytes(): number {
    return this.#arena.length
  }

  get bytes(): number {
    return this.#arenaLength + 4 * (this.#slots.length + this.#starts.length + this.#hashes.length)
  }

  /** Returns the number of the row's key. It equals the previous `size` if the key is new. */
  add(keyId: number, row: RowView, keyIndexes: readonly number[]): number {
    const start = this.#arenaLength
    const hash = this.#append(keyId, row, keyIndexes)
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = (this.#slots[slot] as number) - 1
      if (entry < 0) return this.#insert(slot, hash, start)
      if (this.#hashes[entry] === hash && this.#same(entry, start)) {
        this.#arenaLength = start
        return entry
      }
    }
  }

  has(keyId: number, row: RowView, keyIndexes: readonly number[]): boolean {
    const start = this.#arenaLength
    const hash = this.#append(keyId, row, keyIndexes)
    const mask = this.#slots.length - 1
    let found = false
    for (let slot = hash & mask; !found && this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = (this.#slots[slot] as number) - 1
      found = this.#hashes[entry] === hash && this.#same(entry, start)
    }
    this.#arenaLength = start
    return found
  }

  /** Returns a hash of the row's key without adding the key. */
  hashOf(keyId: number, row: RowView, keyIndexes: readonly number[]): number {
    const start = this.#arenaLength
    const hash = this.#append(keyId, row, keyIndexes)
    this.#arenaLength = start
    return hash
  }

  clear(): void {
    if (this.#arena.length > keepArenaBytes) this.#arena = Buffer.allocUnsafeSlow(arenaBytes)
    if (this.#slots.length > 64 * initialSlots) {
      this.#slots = new Int32Array(initialSlots)
      this.#starts = new Uint32Array(initialSlots)
      this.#hashes = new Uint32Array(initialSlots)
    } else if (this.size > 0) this.#slots.fill(0)
    this.#arenaLength = 0
    this.size = 0
  }

  /** Copies the key to the end of the buffer and returns its hash (FNV-1a, mixed once more so that the low bits depend on all bits). */
  #append(keyId: number, row: RowView, keyIndexes: readonly number[]): number {
    let needed = 4
    for (const index of keyIndexes) needed += 5 + (row.ends[index] as number) - (row.starts[index] as number)
    this.#reserve(needed)
    const arena = this.#arena
    let at = this.#arenaLength
    let hash = (0x811c9dc5 ^ keyId) | 0
    at = arena.writeUInt32BE(keyId, at)
    for (const index of keyIndexes) {
      const isNull = row.kinds[index] === kind.null
      const start = row.starts[index] as number
      const length = isNull ? 0 : (row.ends[index] as number) - start
      arena[at++] = isNull ? 0 : 1
      at = arena.writeUInt32BE(length, at)
      hash = Math.imul(hash ^ length, 0x01000193)
      for (let i = 0; i < length; i++) {
        const byte = row.bytes[start + i] as number
        arena[at++] = byte
        hash = Math.imul(hash ^ byte, 0x01000193)
      }
    }
    this.#arenaLength = at
    hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
    return (hash ^ (hash >>> 15)) >>> 0
  }

  #same(entry: number, start: number): boolean {
    const from = this.#starts[entry] as number
    const to = entry + 1 < this.size ? (this.#starts[entry + 1] as number) : start
    const length = this.#arenaLength - start
    if (to - from !== length) return false
    const arena = this.#arena
    for (let i = 0; i < length; i++) if (arena[from + i] !== arena[start + i]) return false
    return true
  }

  #insert(slot: number, hash: number, start: number): number {
    const entry = this.size
    if (entry === this.#starts.length) this.#growEntries()
    this.#starts[entry] = start
    this.#hashes[entry] = hash
    this.#slots[slot] = entry + 1
    this.size += 1
    if (this.size * 2 > this.#slots.length) this.#growSlots()
    return entry
  }

  #growEntries(): void {
    this.#starts = grown(this.#starts)
    this.#hashes = grown(this.#hashes)
  }

  #growSlots(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let entry = 0; entry < this.size; entry++) {
      let slot = (this.#hashes[entry] as number) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = entry + 1
    }
    this.#slots = slots
  }

  #reserve(n: number): void {
    const needed = this.#arenaLength + n
    if (needed <= this.#arena.length) return
    const bigger = Buffer.allocUnsafeSlow(Math.max(needed, this.#arena.length * 2))
    this.#arena.copy(bigger, 0, 0, this.#arenaLength)
    this.#arena = bigger
  }
}
