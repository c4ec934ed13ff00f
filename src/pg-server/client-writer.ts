// The way to the client. Whoever writes waits until the client can take more, unless what it writes for is over.

import type { Socket } from 'node:net'
import { canceled } from './turn.ts'

/** A client that does not read its last message is not waited for. */
const lingerMs = 5000

export class ClientWriter {
  readonly #socket: Socket
  #isClosed = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get isFull(): boolean {
    return this.#socket.writableNeedDrain
  }

  /** Without waiting. False: the client is behind. */
  put(bytes: Uint8Array): boolean {
    return this.#isClosed || this.#socket.write(bytes)
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (this.#isClosed) throw canceled()
    if (this.#socket.write(bytes)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = (): void => resolve()
    this.#socket.once('drain', wake)
    this.#socket.once('close', wake)
    signal?.addEventListener('abort', wake, { once: true })
    await promise
    this.#socket.off('drain', wake)
    this.#socket.off('close', wake)
    signal?.removeEventListener('abort', wake)
    if (this.#isClosed) throw canceled()
  }

  close(): void {
    this.#isClosed = true
    this.#socket.destroySoon()
    const giveUp = setTimeout(() => this.#socket.destroy(), lingerMs)
    this.#socket.once('close', () => clearTimeout(giveUp))
  }
}
