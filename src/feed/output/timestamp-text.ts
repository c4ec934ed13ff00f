// The text of a timestamp, once per transaction: `<wall nanoseconds>.<logical, ten digits>`. Within one second only the
// last digits are written anew.

import { formatHlc, type Hlc } from '../../core/hlc.ts'

const nanosPerSecond = 1_000_000_000n
const zero = 0x30
const nanoDigits = 9
const logicalDigits = 10

export class TimestampText {
  #bytes: Buffer = Buffer.alloc(0)
  /** The wall time of the second that `#bytes` shows; negative: it shows none yet. */
  #second = -nanosPerSecond

  /** Returns the text, which is valid until the next call. */
  of({ wall, logical }: Hlc): Buffer {
    const nanos = Number(wall - this.#second)
    if (this.#second < 0n || nanos < 0 || nanos >= 1e9) {
      this.#bytes = Buffer.from(formatHlc({ wall, logical }), 'latin1')
      // Shorter ones have no digits to spare; they are of the first seconds of 1970.
      this.#second =
        this.#bytes.length > nanoDigits + 1 + logicalDigits ? wall - (wall % nanosPerSecond) : -nanosPerSecond
      return this.#bytes
    }
    const { length } = this.#bytes
    this.#digits(nanos, length - logicalDigits - 1, nanoDigits)
    this.#digits(logical, length, logicalDigits)
    return this.#bytes
  }

  #digits(value: number, end: number, count: number): void {
    let rest = value
    for (let at = end - 1; at >= end - count; at--) {
      const next = Math.floor(rest / 10)
      this.#bytes[at] = zero + rest - 10 * next
      rest = next
    }
  }
}
