// A growing byte buffer that is written from the front and cleared for reuse. The hot loops of encoders write through
// it; they may also take `buffer` and `length` directly after `ensure(n)`.

import { freeBuffer } from './free-buffer.ts'

/** A larger buffer, which one large value has made grow, is released when the writer is cleared. */
export const keepBytes = 4 * 1024 * 1024

export class ByteWriter {
  buffer: Buffer
  length = 0
  readonly #initialBytes: number

  constructor(initialBytes = 64 * 1024) {
    this.#initialBytes = initialBytes
    this.buffer = Buffer.allocUnsafeSlow(initialBytes)
  }

  /** Makes room for `n` more bytes. `buffer` may be another object afterwards. */
  ensure(n: number): void {
    const needed = this.length + n
    if (needed > this.buffer.length) this.#grow(needed)
  }

  #grow(needed: number): void {
    // A large buffer grows by a quarter only: doubling it would take twice the memory of a large value.
    const { length } = this.buffer
    const capacity = Math.max(needed, needed > keepBytes ? Math.ceil(needed * 1.25) : length * 2)
    const bigger = Buffer.allocUnsafeSlow(capacity)
    this.buffer.copy(bigger, 0, 0, this.length)
    if (length > keepBytes) freeBuffer(this.buffer)
    this.buffer = bigger
  }

  u8(value: number): void {
    this.ensure(1)
    this.buffer[this.length++] = value
  }

  u32be(value: number): void {
    this.ensure(4)
    this.length = this.buffer.writeUInt32BE(value >>> 0, this.length)
  }

  u16be(value: number): void {
    this.ensure(2)
    this.length = this.buffer.writeUInt16BE(value, this.length)
  }

  /**
   * Copies `source[start, end)`. Short runs are copied in place: a call into native code costs as much as 60 bytes. A Buffer
   * can copy a part of itself without an object for the part.
   */
  copy(source: Uint8Array, start = 0, end = source.length): void {
    const n = end - start
    this.ensure(n)
    const { buffer } = this
    let at = this.length
    if (n <= 60) for (let i = start; i < end; i++) buffer[at++] = source[i] as number
    else if (Buffer.isBuffer(source)) at += source.copy(buffer, at, start, end)
    else {
      buffer.set(start === 0 && end === source.length ? source : source.subarray(start, end), at)
      at += n
    }
    this.length = at
  }

  utf8(text: string): void {
    this.ensure(text.length * 3)
    this.length += this.buffer.write(text, this.length, 'utf8')
  }

  latin1(text: string): void {
    this.ensure(text.length)
    this.length += this.buffer.write(text, this.length, 'latin1')
  }

  /** Returns a view of the written bytes, which is valid until the next write or clear. */
  view(): Buffer {
    return this.buffer.subarray(0, this.length)
  }

  /** Returns the written bytes in an ArrayBuffer of their own, which the caller may transfer. The writer is empty afterwards. */
  take(): Uint8Array<ArrayBuffer> {
    const { buffer, length } = this
    if (length <= keepBytes) {
      const copy = new Uint8Array(length)
      copy.set(this.view())
      this.clear()
      return copy
    }
    // The buffer itself is returned here, because a copy would need twice the memory of a large value.
    this.buffer = Buffer.allocUnsafeSlow(this.#initialBytes)
    this.length = 0
    return new Uint8Array(buffer.buffer as ArrayBuffer, 0, length)
  }

  clear(): void {
    this.length = 0
    if (this.buffer.length <= keepBytes) return
    freeBuffer(this.buffer)
    this.buffer = Buffer.allocUnsafeSlow(this.#initialBytes)
  }
}
