// Buffers output. All text of one turn of the event loop is written at once, and `onFull` tells the caller when the reader is too
// slow. If the reader has gone (`| head`), the shell ends without an error.

import type { Writable } from 'node:stream'

/** Longer texts are not joined, because the result could be longer than the longest string of JavaScript. */
const mostHeld = 1024 * 1024

export class Output {
  readonly #stream: Writable
  #held = ''
  #isClosed = false
  /** Called when the stream is full, and again when it has taken everything. */
  onFull: (() => void) | undefined
  onDrain: (() => void) | undefined
  onClosed: (() => void) | undefined

  constructor(stream: Writable) {
    this.#stream = stream
    stream.on('error', () => this.#close())
    stream.on('drain', () => this.onDrain?.())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  write(text: string): void {
    if (text === '' || this.#isClosed) return
    if (this.#held.length + text.length > mostHeld) this.flush()
    if (this.#held === '') queueMicrotask(() => this.flush())
    this.#held += text
  }

  flush(): void {
    const text = this.#held
    this.#held = ''
    if (text === '' || this.#isClosed) return
    if (!this.#stream.write(text)) this.onFull?.()
  }

  /** Settles when the operating system has taken everything. */
  async finish(): Promise<void> {
    this.flush()
    if (this.#isClosed) return
    await new Promise<void>((resolve) => this.#stream.write('', () => resolve()))
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#held = ''
    this.onClosed?.()
  }
}
