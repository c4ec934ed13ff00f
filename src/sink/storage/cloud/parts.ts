// Cuts the bytes of an object, which come in pieces, into parts of one size, of which only the last may be smaller.

import { Readable } from 'node:stream'

export function* inParts(pieces: readonly Uint8Array[], partBytes: number): Generator<Buffer> {
  let part: Uint8Array[] = []
  let size = 0
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const end = Math.min(piece.length, at + partBytes - size)
      part.push(piece.subarray(at, end))
      size += end - at
      at = end
      if (size < partBytes) continue
      yield Buffer.concat(part, size)
      part = []
      size = 0
    }
  }
  if (size > 0) yield Buffer.concat(part, size)
}

/** Sends parts, `width` at a time. Stops at the first error, which it throws when no part is on its way any more. */
export async function sendParts(
  parts: Iterable<Buffer>,
  width: number,
  send: (part: Buffer, index: number) => Promise<void>,
): Promise<void> {
  const iterator = parts[Symbol.iterator]()
  let index = 0
  let failure: { readonly error: unknown } | undefined
  const worker = async (): Promise<void> => {
    while (failure === undefined) {
      const next = iterator.next()
      if (next.done === true) return
      try {
        await send(next.value, index++)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  if (failure !== undefined) throw failure.error
}

export function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}

/** For libraries that take no pieces. They would have to be copied together for a body that is whole. */
export function streamOf(pieces: readonly Uint8Array[]): Readable {
  return Readable.from(pieces, { objectMode: true })
}
