// Looks at the length in front of every answer of a broker. The client library collects as many bytes as the length says:
// whatever listens on an address that is no Kafka's would fill the memory of the server.

import type { Socket } from 'node:net'

/** No answer that a sink asks for comes near it. */
export const maxFrameBytes = 64 * 1024 * 1024

/** Destroys the socket when an answer is announced that is too long. */
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

/** Follows the frames of a stream that comes in pieces. */
export class FrameLengths {
  /** Of the present frame that is to come. */
  #rest = 0
  #head = 0
  #headBytes = 0

  /** The length of a frame that is longer than any may be. */
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
