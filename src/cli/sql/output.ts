// Text on its way out. What arrives in one turn is written at once, and whoever writes is told when the reader cannot
// keep up. A reader that went away (`| head`) is no error: it ends the shell.

import type { Writable } from 'node:stream'

/** More characters than this are not joined into one string, which could become longer than a string can be. */
const mostHeld = 1024 * 1024

export class Output {
  readonly #stream: Writable
  #held = ''
  #isClosed = false
  /** Called when the stream is full, and again when it took everything. */
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

  /** Settles when everything is with the operating system. */
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
