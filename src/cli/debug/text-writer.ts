// Writes lines for a reader that may be slow or leave. The caller waits until lines have been written, so that a log of any
// size needs little memory, and learns when nobody reads any more, as with `| head`.

import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Lines are collected until they have so many characters. */
const fullAt = 64 * 1024

export class TextWriter {
  readonly #stream: Writable
  readonly #closed = new AbortController()
  #text = ''

  constructor(stream: Writable) {
    this.#stream = stream
    stream.on('error', () => this.#closed.abort())
    stream.on('close', () => this.#closed.abort())
  }

  /** Whether nobody reads any more. */
  get isClosed(): boolean {
    return this.#closed.signal.aborted
  }

  line(text: string): void {
    this.#text += `${text}\n`
  }

  /** Settles when more lines may be added. */
  async drain(): Promise<void> {
    if (this.#text.length >= fullAt) await this.flush()
  }

  async flush(): Promise<void> {
    const text = this.#text
    this.#text = ''
    if (text === '' || this.isClosed || this.#stream.write(text)) return
    await once(this.#stream, 'drain', { signal: this.#closed.signal }).catch(() => undefined)
  }
}
