// Frees the requests that have been written. The client library copies each request into a buffer of its own, as large as the batches in it.
// Left to the garbage collector, these buffers cost a full collection of the heap for some thirty of them, and ever new pages of memory.

import type { Socket } from 'node:net'
import { freeBuffer } from '../../bytes/free-buffer.ts'

/** Smaller requests are not worth a callback. */
const leastBytes = 64 * 1024

/** Nobody may use a buffer that was given to `socket.write` afterwards, if it has an ArrayBuffer of its own. */
export function freeWritten(socket: Socket): void {
  const write = socket.write.bind(socket) as Socket['write'] & ((...all: readonly unknown[]) => boolean)
  socket.write = (...all: readonly unknown[]): boolean => {
    const [chunk] = all
    if (all.length > 1 || !Buffer.isBuffer(chunk) || chunk.length < leastBytes) return write(...all)
    return write(chunk, (error) => {
      // After an error it is not known who still has the buffer.
      if (error == null) freeBuffer(chunk)
    })
  }
}
