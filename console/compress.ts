// Copies of a file for browsers that accept them.

import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

export interface Copy {
  readonly fileName: string
  readonly bytes: Uint8Array
}

/** A file that is small already has no copies. */
export function compressInto(fileName: string, source: string | Uint8Array): readonly Copy[] {
  const bytes = typeof source === 'string' ? Buffer.from(source) : source
  if (bytes.length < 512) return []
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } }
  return [
    { fileName: `${fileName}.br`, bytes: brotliCompressSync(bytes, quality) },
    { fileName: `${fileName}.gz`, bytes: gzipSync(bytes, { level: 9 }) },
  ]
}
