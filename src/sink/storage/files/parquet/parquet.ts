// Parquet files. Rows are made columns as they come. When they are enough for a row group, its columns are written one after the other. The
// file ends with its index, so it is readable only as a whole.

import { gzipSync, zstdCompressSync } from 'node:zlib'
import { ByteWriter as ParquetBytes, ParquetWriter } from 'hyparquet-writer'
import type { FileColumn } from '../../../../core/file-column.ts'
import { FeedError } from '../../../../errors/feed-error.ts'
import type { FileBody, FileFormat } from '../file-body.ts'
import type { Column, PageCodec } from './column.ts'
import { fieldOf, type Field } from './nested.ts'
import { schemaOf } from './types.ts'

/** The most bytes and rows of a row group. */
const groupBytes = 8 * 1024 * 1024
const groupRows = 100_000
const firstBytes = 4096

const codecs: Readonly<Record<'none' | 'gzip' | 'zstd', PageCodec>> = {
  none: { name: 'UNCOMPRESSED', compress: (bytes) => bytes },
  gzip: { name: 'GZIP', compress: (bytes) => gzipSync(bytes) },
  zstd: { name: 'ZSTD', compress: (bytes) => zstdCompressSync(bytes) },
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
  readonly #fields: readonly Field[]
  /** Those of all fields. */
  readonly #columns: readonly Column[]
  readonly #codec: PageCodec
  readonly #file = new ParquetBytes(firstBytes)
  readonly #writer: ParquetWriter
  /** Of the row group that is not written yet. */
  #bytes = 0
  #count = 0

  constructor(columns: readonly FileColumn[], codec: PageCodec) {
    this.#fields = columns.map(fieldOf)
    this.#columns = this.#fields.flatMap((field) => field.columns)
    this.#codec = codec
    this.#writer = new ParquetWriter({
      writer: this.#file,
      schema: [{ name: 'root', num_children: columns.length }, ...schemaOf(columns)],
      codec: 'UNCOMPRESSED',
      createdBy: 'pg-changefeed',
    })
  }

  get ready(): number {
    return this.#file.index
  }

  get estimate(): number {
    return this.#file.index + this.#bytes
  }

  get held(): number {
    return this.#columns.reduce((sum, { held }) => sum + held, this.#file.buffer.byteLength)
  }

  add(bytes: Buffer, _keyStart: number, keyEnd: number, valueEnd: number): void {
    let at = keyEnd
    for (let i = 0; i < this.#fields.length; i++) {
      const field = this.#fields[i] as Field
      const length = bytes.readInt32BE(at)
      at += 4
      if (length < 0) field.addNull()
      else {
        field.add(bytes, at, at + length)
        at += length
      }
    }
    this.#bytes += valueEnd - keyEnd
    this.#count += 1
    if (this.#bytes >= groupBytes || this.#count >= groupRows) this.#writeGroup()
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
    const start = this.#file.offset
    const columns = this.#columns.map((column) => column.write(this.#file, this.#codec))
    const count = BigInt(this.#count)
    this.#writer.row_groups.push({
      columns,
      total_byte_size: columns.reduce((sum, { meta_data: of }) => sum + (of?.total_uncompressed_size ?? 0n), 0n),
      total_compressed_size: BigInt(this.#file.offset - start),
      num_rows: count,
    })
    this.#writer.num_rows += count
    this.#bytes = this.#count = 0
  }
}
