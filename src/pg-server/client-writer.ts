// Writes to the client. `write` waits until the client can receive more, or until the signal aborts.

import type { Socket } from 'node:net'
import { onAbort } from '../async/or-abort.ts'
import { keepBytes } from '../bytes/byte-writer.ts'
import { freeTaken } from '../bytes/free-buffer.ts'
import { canceled } from './query-session.ts'

/** The socket is destroyed after this time if the client does not read its last message. */
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

  /** Writes without waiting. Returns false if the client reads too slowly. */
  put(bytes: Uint8Array): boolean {
    return this.#isClosed || this.#socket.write(bytes)
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (this.#isClosed) throw canceled()
    if (this.#socket.write(bytes)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = (): void => resolve()
    this.#socket.once('drain', wake).once('close', wake)
    using _listening = onAbort(signal, wake)
    await promise
    this.#socket.off('drain', wake).off('close', wake)
    if (this.#isClosed) throw canceled()
  }

  /**
   * Frees the memory of a large row as soon as the socket does not need it any more: when everything written so far was sent,
   * or the socket is closed. Nothing else may use the memory of these bytes (see `freeTaken`).
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
