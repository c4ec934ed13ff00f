// Stops reading from a client that is ahead of PostgreSQL, or of a statement of ours. While the socket is not read, a
// client that left shows only when something is written to it; so a client that is held back is written to.

import type { Socket } from 'node:net'

const probeMs = 500

export class ClientGate {
  readonly #socket: Socket
  readonly #probe: () => void
  /** Set while the client is held back. */
  #timer: NodeJS.Timeout | undefined

  /** `probe` writes something to the client that changes nothing for it. */
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
