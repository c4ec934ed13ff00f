// Checks the length before every answer of a broker. The client library collects as many bytes as the length says, so a
// server that is no Kafka broker could fill our memory.

import type { Socket } from 'node:net'

/** Far more than any answer to a request of ours. */
export const maxFrameBytes = 64 * 1024 * 1024

/** Destroys the socket when the length of an answer is too large. */
export function guardFrames(socket: Socket, refused: (why: string) => void): void {
  const lengths = new FrameLengths()
  socket.on('data', (chunk: Buffer) => {
    const length = lengths.tooLong(chunk)
    if (length === undefined || socket.destroyed) return
    const why = `it does not speak Kafka: its answer would have ${length} bytes`
    refused(why)
    socket.destroy(new Error(why))
  })
}

/** Follows the frames of a stream that arrives in pieces. */
export class FrameLengths {
  /** Bytes of the present frame that have not arrived yet. */
  #rest = 0
  #head = 0
  #headBytes = 0

  /** Returns the length of the first frame that is too long; undefined: there is none. */
  tooLong(chunk: Uint8Array): number | undefined {
    let at = 0
    while (at < chunk.length) {
      if (this.#rest > 0) {
        const taken = Math.min(this.#rest, chunk.length - at)
        this.#rest -= taken
        at += taken
        continue
      }
      this.#head = this.#head * 256 + (chunk[at] as number)
      at += 1
      this.#headBytes += 1
      if (this.#headBytes < 4) continue
      const length = this.#head
      this.#head = this.#headBytes = 0
      if (length > maxFrameBytes) return length
      this.#rest = length
    }
    return undefined
  }
}
