// The hashes of a body that comes in pieces. The library hashes a body only as a whole, for which the pieces would have to be copied
// together. It sends a stream as it is, if the request has its hashes already.

import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { PutObjectCommand } from '@aws-sdk/client-s3'

/** Sets the hash with which the request is signed. */
export function signPieces(command: PutObjectCommand, pieces: readonly Uint8Array[]): void {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  const sha256 = hash.digest('hex')
  command.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> }
      headers['x-amz-content-sha256'] = sha256
      return next(args)
    },
    { step: 'build', name: 'hash of the pieces' },
  )
}

export function checksumOf(pieces: readonly Uint8Array[]): string {
  let sum = 0
  for (const piece of pieces) sum = crc32(piece, sum)
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(sum)
  return bytes.toString('base64')
}
