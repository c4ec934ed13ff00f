// Writes to the client. A writer waits until the client can take more, or until its signal aborts.

import type { Socket } from 'node:net'
import { keepBytes } from '../bytes/byte-writer.ts'
import { freeTaken } from '../bytes/free-buffer.ts'
import { canceled } from './turn.ts'

/** The socket of a client that does not read its last message is destroyed after this time. */
const lingerMs = 5000
const nothing = new Uint8Array(0)

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

  /** Writes without waiting. Returns false when the client does not keep up. */
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

  /**
   * Gives back the memory of a large row when the socket needs it no more: when what was written so far has left, or the
   * socket is closed. The bytes are theirs alone (`freeTaken`).
   */
  free(bytes: Uint8Array): void {
    if (bytes.length <= keepBytes) return
    const socket = this.#socket
    const free = (): void => freeTaken(bytes)
    if (socket.closed) free()
    // The empty write sends nothing; its callback is called after those of all earlier writes.
    else if (socket.writable) socket.write(nothing, free)
    else socket.once('close', free)
  }

  close(): void {
    this.#isClosed = true
    this.#socket.destroySoon()
    const giveUp = setTimeout(() => this.#socket.destroy(), lingerMs)
    this.#socket.once('close', () => clearTimeout(giveUp))
  }
}
