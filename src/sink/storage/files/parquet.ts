// Parquet files. Rows are collected as they come, in bytes, until they are enough for a row group, and are made columns then. The
// file ends with its index, so it is readable only as a whole.

import { gzipSync, zstdCompressSync } from 'node:zlib'
import { ByteWriter as ParquetBytes, ParquetWriter } from 'hyparquet-writer'
import { ByteWriter } from '../../../bytes/byte-writer.ts'
import type { FileColumn } from '../../../core/file-column.ts'
import { FeedError } from '../../../errors/feed-error.ts'
import type { FileBody, FileFormat } from './file-body.ts'
import { fromText, schemaOf, type FromText } from './parquet-types.ts'

/** The most bytes and rows of a row group. While it is made, each value is an object. */
const groupBytes = 8 * 1024 * 1024
const groupRows = 100_000
const firstBytes = 4096

const codecs = { none: 'UNCOMPRESSED', gzip: 'GZIP', zstd: 'ZSTD' } as const
const compressors = {
  GZIP: (bytes: Uint8Array) => gzipSync(bytes),
  ZSTD: (bytes: Uint8Array) => zstdCompressSync(bytes),
}

export interface ParquetOptions {
  /** Inside the files. */
  readonly compression: 'gzip' | 'zstd' | undefined
  readonly columns: (schema: number) => readonly FileColumn[] | undefined
}

export function parquetFiles({ compression = undefined, columns }: ParquetOptions): FileFormat {
  const codec = codecs[compression ?? 'none']
  return {
    extension: 'parquet',
    contentType: 'application/vnd.apache.parquet',
    begin(schema) {
      const found = columns(schema)
      if (found === undefined) throw new FeedError('FEED_BUG', `the columns of schema ${schema} are not known`)
      return new ParquetBody(found, codec)
    },
  }
}

class ParquetBody implements FileBody {
  readonly #columns: readonly FileColumn[]
  readonly #values: readonly FromText[]
  readonly #file = new ParquetBytes(firstBytes)
  readonly #writer: ParquetWriter
  readonly #rows = new ByteWriter(firstBytes)
  #count = 0

  constructor(columns: readonly FileColumn[], codec: 'UNCOMPRESSED' | 'GZIP' | 'ZSTD') {
    this.#columns = columns
    this.#values = columns.map(fromText)
    this.#writer = new ParquetWriter({
      writer: this.#file,
      schema: [{ name: 'root', num_children: columns.length }, ...schemaOf(columns)],
      codec,
      compressors,
      createdBy: 'pg-changefeed',
    })
  }

  get ready(): number {
    return this.#file.index
  }

  get estimate(): number {
    return this.#file.index + this.#rows.length
  }

  get held(): number {
    return this.#file.buffer.byteLength + this.#rows.buffer.length
  }

  add(bytes: Uint8Array, _keyStart: number, keyEnd: number, valueEnd: number): void {
    this.#rows.copy(bytes, keyEnd, valueEnd)
    this.#count += 1
    if (this.#rows.length >= groupBytes || this.#count >= groupRows) this.#writeGroup()
  }

  take(): Uint8Array {
    const bytes = Uint8Array.from(this.#file.getBytes())
    this.#file.index = 0
    return bytes
  }

  end(): void {
    if (this.#count > 0) this.#writeGroup()
    void this.#writer.finish()
  }

  #writeGroup(): void {
    const data = this.#values.map(() => Array<unknown>(this.#count))
    const rows = this.#rows.view()
    let at = 0
    for (let row = 0; row < this.#count; row++) {
      for (let i = 0; i < data.length; i++) {
        const length = rows.readInt32BE(at)
        at += 4
        const values = data[i] as unknown[]
        if (length < 0) values[row] = null
        else {
          values[row] = (this.#values[i] as FromText)(rows.subarray(at, at + length))
          at += length
        }
      }
    }
    void this.#writer.write({
      columnData: this.#columns.map(({ name }, i) => ({ name, data: data[i] as unknown[] })),
      rowGroupSize: this.#count,
    })
    this.#rows.clear()
    this.#count = 0
  }
}
