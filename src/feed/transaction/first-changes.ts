// For `diff`, in a transaction that changed some rows more than once: for each event, the change that touched its row
// first in the transaction, and whether that change found the row there. An entry takes eight bytes and is no object,
// because a transaction may have touched millions of rows.
//
//   u64 = event (32 bits), ordinal of the first change (31 bits), existed (1 bit)
//
// Entries are added in any order and sealed; then they are looked up in the order of events, as those are emitted.

import { grown } from '../../bytes/grow.ts'

const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
const high = isLittleEndian ? 1 : 0
const low = 1 - high

/** The most changes that one transaction may have. */
export const maxOrdinal = 2 ** 31 - 1

export class FirstChanges {
  #entries = new BigUint64Array(256)
  #words = new Uint32Array(this.#entries.buffer)
  #count = 0
  #next = 0
  /** The first change of the row whose event `find` has found last. */
  ordinal = 0
  /** Whether that change found the row there. */
  existed = false

  get isEmpty(): boolean {
    return this.#count === 0
  }

  add(event: number, ordinal: number, existed: boolean): void {
    if (this.#count === this.#entries.length) {
      this.#entries = grown(this.#entries)
      this.#words = new Uint32Array(this.#entries.buffer)
    }
    const at = 2 * this.#count++
    this.#words[at + high] = event
    this.#words[at + low] = 2 * ordinal + (existed ? 1 : 0)
  }

  seal(): void {
    if (this.#count > 1) this.#entries.subarray(0, this.#count).sort()
    this.#next = 0
  }

  /** Returns false if the change of the event is itself the first of its row. Events must be looked up in rising order. */
  find(event: number): boolean {
    while (this.#next < this.#count && (this.#words[2 * this.#next + high] as number) < event) this.#next += 1
    if (this.#next === this.#count || this.#words[2 * this.#next + high] !== event) return false
    const rest = this.#words[2 * this.#next + low] as number
    this.ordinal = rest >>> 1
    this.existed = (rest & 1) === 1
    return true
  }

  clear(): void {
    this.#count = 0
    if (this.#entries.length <= 65_536) return
    this.#entries = new BigUint64Array(256)
    this.#words = new Uint32Array(this.#entries.buffer)
  }
}
