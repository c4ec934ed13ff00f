// Compresses files chunk by chunk, in the threads of Node's pool, so that the loop over messages never waits for it. A chunk
// needs no state of the chunk before it, so an open file holds no dictionary: a changefeed may have hundreds of them.
//
//   gzip   one member: a header, the chunks as deflate blocks that end on a byte, an empty last block, checksum and length
//   zstd   a frame for each chunk; a reader takes frames one after the other for one file

import { promisify } from 'node:util'
import { constants, crc32, deflateRaw, zstdCompress } from 'node:zlib'

const deflate = promisify<Uint8Array, object, Buffer>(deflateRaw)
const zstd = promisify(zstdCompress)

export interface Compressor {
  /** The first bytes of the file. */
  readonly head: Uint8Array
  /** Takes the next chunk. Chunks may be compressed side by side. */
  chunk(bytes: Uint8Array): Promise<Uint8Array>
  /** Returns the last bytes of the file. */
  end(): Uint8Array
}

export function compressor(compression: 'gzip' | 'zstd'): Compressor {
  return compression === 'gzip' ? new Gzip() : { head: none, chunk: (bytes) => zstd(bytes), end: () => none }
}

const none = new Uint8Array(0)
/** No name and no time, so that the same rows make the same bytes. */
const gzipHead = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff)

class Gzip implements Compressor {
  readonly head = gzipHead
  #crc = 0
  #length = 0

  chunk(bytes: Uint8Array): Promise<Uint8Array> {
    this.#crc = crc32(bytes, this.#crc)
    this.#length += bytes.length
    return deflate(bytes, { level: 6, finishFlush: constants.Z_SYNC_FLUSH })
  }

  end(): Uint8Array {
    const bytes = Buffer.alloc(10)
    bytes[0] = 3
    bytes.writeUInt32LE(this.#crc, 2)
    bytes.writeUInt32LE(this.#length % 2 ** 32, 6)
    return bytes
  }
}
