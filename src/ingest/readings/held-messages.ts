// Messages that wait for a reading, in the order in which they came: copies of their bytes in one buffer.
//
//   each: u32 length, u64 position in the WAL, the payload

import { freeBuffer } from '../../bytes/free-buffer.ts'

const headBytes = 12
const firstBytes = 64 * 1024
/** A larger buffer than this is freed when it is empty. */
const keptBytes = 1024 * 1024

export class HeldMessages {
  #buffer = Buffer.allocUnsafeSlow(firstBytes)
  #start = 0
  #end = 0

  get isEmpty(): boolean {
    return this.#start === this.#end
  }

  get bytes(): number {
    return this.#end - this.#start
  }

  /** The position of the message is at `lsnAt`. */
  push(bytes: Buffer, start: number, end: number, lsnAt: number): void {
    const length = end - start
    this.#reserve(headBytes + length)
    this.#buffer.writeUInt32BE(length, this.#end)
    bytes.copy(this.#buffer, this.#end + 4, lsnAt, lsnAt + 8)
    bytes.copy(this.#buffer, this.#end + headBytes, start, end)
    this.#end += headBytes + length
  }

  /** Calls `take` for each message, and removes it if that returns true; stops at the first one that must wait longer. `take` keeps no bytes. */
  drain(take: (bytes: Buffer, start: number, end: number, lsnAt: number) => boolean): void {
    while (this.#start < this.#end) {
      const from = this.#start + headBytes
      const to = from + this.#buffer.readUInt32BE(this.#start)
      if (!take(this.#buffer, from, to, from - 8)) return
      this.#start = to
    }
    this.#start = this.#end = 0
    if (this.#buffer.length <= keptBytes) return
    freeBuffer(this.#buffer)
    this.#buffer = Buffer.allocUnsafeSlow(firstBytes)
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return
    const held = this.bytes
    const size =
      held + bytes > this.#buffer.length / 2 ? Math.max(held + bytes, this.#buffer.length) * 2 : this.#buffer.length
    const target = size === this.#buffer.length ? this.#buffer : Buffer.allocUnsafeSlow(size)
    this.#buffer.copy(target, 0, this.#start, this.#end)
    if (target !== this.#buffer) freeBuffer(this.#buffer)
    this.#buffer = target
    this.#start = 0
    this.#end = held
  }
}
