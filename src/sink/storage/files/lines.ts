// Files with a message a line: NDJSON and CSV.

import { ByteWriter } from '../../../bytes/byte-writer.ts'
import type { FileBody, FileFormat } from './file-body.ts'

const newline = 0x0a
/** The first memory of a file: a changefeed may have hundreds of tables with a few rows each. */
const firstBytes = 4096
/** One large message shall not make every memory after it large. */
const maxFirstBytes = 1024 * 1024

export interface LinesOptions {
  readonly extension: string
  readonly compression?: 'gzip' | 'zstd' | undefined
  /** Returns the first line of a file, without its end; undefined: there is none. */
  readonly header?: (schema: number) => Uint8Array | undefined
}

export function lines({ extension, compression, header }: LinesOptions): FileFormat {
  return {
    extension: extension + endings[compression ?? 'none'],
    contentType: contentTypes[extension] ?? 'application/octet-stream',
    compression,
    begin: (schema) => new LinesBody(header?.(schema)),
  }
}

const endings = { none: '', gzip: '.gz', zstd: '.zst' } as const
const contentTypes: Readonly<Record<string, string>> = { ndjson: 'application/x-ndjson', csv: 'text/csv' }

class LinesBody implements FileBody {
  #out = new ByteWriter(firstBytes)
  #hasEnded = false

  constructor(header: Uint8Array | undefined) {
    if (header === undefined) return
    this.#out.copy(header)
    this.#out.u8(newline)
  }

  get ready(): number {
    return this.#out.length
  }

  get estimate(): number {
    return this.#out.length
  }

  get held(): number {
    return this.#out.buffer.length
  }

  add(bytes: Uint8Array, _keyStart: number, keyEnd: number, valueEnd: number): void {
    const out = this.#out
    if (valueEnd > keyEnd) out.copy(bytes, keyEnd, valueEnd)
    out.u8(newline)
  }

  take(): Uint8Array {
    const { buffer, length } = this.#out
    // More will probably come, and memory that is large enough need not grow.
    this.#out = new ByteWriter(this.#hasEnded ? 0 : Math.min(buffer.length, maxFirstBytes))
    return buffer.subarray(0, length)
  }

  /** Every line is whole. */
  end(): void {
    this.#hasEnded = true
  }
}
