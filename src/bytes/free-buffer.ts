// Frees the memory of a buffer at once. All views of the buffer are empty afterwards, so nobody may use one any more.
//
// Otherwise a buffer without references stays in memory until the next full garbage collection of its thread. A thread that
// has little to do may not collect for hours, and would keep the memory of one large row for as long.

/** `buffer` must have an ArrayBuffer of its own, as the buffers of `Buffer.allocUnsafeSlow` do. */
export function freeBuffer(buffer: Buffer): void {
  const { buffer: memory } = buffer
  if (memory instanceof ArrayBuffer && memory.byteLength === buffer.length) memory.transfer(0)
}

/** `bytes` must be the only view of its ArrayBuffer, as the result of `ByteWriter.take` is. */
export function freeTaken(bytes: Uint8Array): void {
  const { buffer: memory } = bytes
  if (memory instanceof ArrayBuffer) memory.transfer(0)
}
