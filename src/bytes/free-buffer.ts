// Gives the memory of a buffer back at once. Nobody may have a view on it any more: all views are empty afterwards.
//
// Without it, a buffer that is let go stays until the next full collection of its thread, and a thread that has little
// to do has none for hours: the memory that one large row took would stay taken.

/** `buffer`: as `Buffer.allocUnsafeSlow` gives it, with an ArrayBuffer of its own. */
export function freeBuffer(buffer: Buffer): void {
  const { buffer: memory } = buffer
  if (memory instanceof ArrayBuffer && memory.byteLength === buffer.length) memory.transfer(0)
}

/** `bytes`: a part of memory that is theirs alone, as `ByteWriter.take` gives them. */
export function freeTaken(bytes: Uint8Array): void {
  const { buffer: memory } = bytes
  if (memory instanceof ArrayBuffer) memory.transfer(0)
}
