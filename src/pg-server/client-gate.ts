// Stops reading from a client that sends faster than PostgreSQL, or than a statement of ours, can follow. While a socket is not
// read, a closed connection is noticed only by a write; so something is written now and then to a client that is held back.

import type { Socket } from 'node:net'

const probeMs = 500

export class ClientGate {
  readonly #socket: Socket
  readonly #probe: () => void
  /** The timer of the probes, while the client is held back. */
  #timer: NodeJS.Timeout | undefined

  /** `probe` writes a message to the client that has no effect. */
  constructor(socket: Socket, probe: () => void) {
    this.#socket = socket
    this.#probe = probe
  }

  set({ isHeldBack, isServerFull }: { readonly isHeldBack: boolean; readonly isServerFull: boolean }): void {
    if (isHeldBack || isServerFull) this.#socket.pause()
    else this.#socket.resume()
    if (isHeldBack) this.#timer ??= setInterval(this.#probe, probeMs)
    else this.close()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
