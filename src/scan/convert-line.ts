// Converts lines of COPY from the encoding of the server (../postgres/server-text.ts) to UTF-8.

import type { ServerText } from '../postgres/server-text.ts'

/** A buffer larger than this is not reused for the next line. */
const keptBytes = 1024 * 1024

export class LineConverter {
  readonly #text: ServerText
  readonly #next: (bytes: Buffer, start: number, end: number) => void
  #out = Buffer.allocUnsafeSlow(64 * 1024)

  constructor(text: ServerText, next: (bytes: Buffer, start: number, end: number) => void) {
    this.#text = text
    this.#next = next
  }

  readonly convert = (bytes: Buffer, start: number, end: number): void => {
    const size = this.#text.size(bytes, start, end)
    if (size < 0) return this.#next(bytes, start, end)
    const out = size <= this.#out.length ? this.#out : Buffer.allocUnsafeSlow(size)
    if (out.length <= keptBytes) this.#out = out
    this.#text.write(bytes, start, end, out, 0)
    this.#next(out, 0, size)
  }
}
