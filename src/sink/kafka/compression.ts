// Compression of a record batch, by name and level. Node has gzip and zstd; the client library has snappy and lz4, without
// levels.

import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { compressionsAlgorithms } from '@platformatic/kafka'
import type { KafkaSinkSpec } from './spec.ts'
import type { BatchHeader } from './record-batch.ts'

/** The level that means Huffman codes only in Go's gzip, whose levels CockroachDB accepts. */
const huffmanOnly = -2

export function compression({ compression: name, compressionLevel: level }: KafkaSinkSpec): BatchHeader['compress'] {
  if (name === 'none') return undefined
  const codec = compressionsAlgorithms[name].bitmask
  if (name === 'gzip') {
    const options =
      level === huffmanOnly
        ? { strategy: constants.Z_HUFFMAN_ONLY }
        : { level: level ?? constants.Z_DEFAULT_COMPRESSION }
    return { codec, compress: (records) => gzipSync(records, options) }
  }
  if (name === 'zstd') {
    const params = level === undefined ? {} : { [constants.ZSTD_c_compressionLevel]: level }
    return { codec, compress: (records) => zstdCompressSync(records, { params }) }
  }
  const { compressSync } = compressionsAlgorithms[name]
  return { codec, compress: (records) => compressSync(records) }
}
