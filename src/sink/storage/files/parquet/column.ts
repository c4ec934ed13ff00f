// A column of a row group: its values, and the levels that say which rows have one. It is written as one page, with a dictionary in
// front of it if that is much smaller. The level of a value is the number of what holds it, from the row on, that may be missing and is
// there: 0 is NULL in a plain column, and 1 a value. Columns in lists and groups have more of them (nested.ts).

import type { ByteWriter as ParquetBytes, ParquetWriter } from 'hyparquet-writer'
import { writePageHeader } from 'hyparquet-writer/src/datapage.js'
import { ByteWriter } from '../../../../bytes/byte-writer.ts'
import { grown } from '../../../../bytes/grow.ts'
import { writeHybrid } from './levels.ts'
import type { Leaf, PhysicalType } from './types.ts'
import type { Values } from './values.ts'

type RowGroup = ParquetWriter['row_groups'][number]
export type ColumnChunk = RowGroup['columns'][number]
type Encoding = NonNullable<ColumnChunk['meta_data']>['encodings'][number]

export interface PageCodec {
  readonly name: 'UNCOMPRESSED' | 'GZIP' | 'ZSTD'
  readonly compress: (bytes: Uint8Array) => Uint8Array
}

const firstLevels = 64

export interface ColumnOptions {
  /** The names from the row to the value. */
  readonly path: readonly string[]
  readonly leaf: Leaf
  /** The level of a value. */
  readonly maxLevel: number
  /** In how many lists a value is. */
  readonly lists: number
}

export class Column {
  readonly columns: readonly Column[] = [this]
  readonly #type: PhysicalType
  readonly #path: string[]
  readonly #values: Values
  readonly #maxLevel: number
  readonly #lists: number
  #levels = new Uint8Array(firstLevels)
  /** Of a column in lists: in which of them, counted from 1 on, a value is another element; 0: it is the first one of its row. */
  #repeats = new Uint8Array(0)
  #count = 0
  #rows = 0

  constructor({ path, leaf: { element, values }, maxLevel, lists }: ColumnOptions) {
    this.#type = element.type
    this.#values = values()
    this.#path = [...path]
    this.#maxLevel = maxLevel
    this.#lists = lists
    if (lists > 0) this.#repeats = new Uint8Array(firstLevels)
  }

  /** About how many bytes the column will have. */
  get bytes(): number {
    return this.#values.plain.length + (this.#count >> 3)
  }

  get held(): number {
    return this.#values.held + this.#levels.length + this.#repeats.length
  }

  /** Appends the text of a row's value. `repeat`: it is not the first one of its row, but another one in this list. */
  add(bytes: Buffer, start: number, end: number, repeat = 0): void {
    this.#values.add(bytes, start, end)
    this.addMissing(this.#maxLevel, repeat)
  }

  addNull(): void {
    this.addMissing(0, 0)
  }

  /** Appends that there is no value, because only what has a level up to this one is there. */
  addMissing(level: number, repeat: number): void {
    if (this.#count === this.#levels.length) {
      this.#levels = grown(this.#levels)
      if (this.#lists > 0) this.#repeats = grown(this.#repeats)
    }
    if (this.#lists > 0) this.#repeats[this.#count] = repeat
    this.#levels[this.#count++] = level
    if (repeat === 0) this.#rows += 1
  }

  /** Appends what was added, and is empty afterwards. */
  write(file: ParquetBytes, codec: PageCodec): ColumnChunk {
    const values = this.#values
    values.end()
    const { plain, dictionary, min, max } = values
    const fileOffset = file.offset
    let uncompressed = 0
    let dictionaryOffset: bigint | undefined
    let page = plain
    let encoding: Encoding = 'PLAIN'
    if (dictionary !== undefined && dictionary.size > 0 && this.#isSmaller(dictionary)) {
      dictionaryOffset = BigInt(fileOffset)
      uncompressed += this.#writeDictionary(dictionary, file, codec)
      page = new ByteWriter(dictionary.size + values.count)
      page.u8(dictionary.width)
      writeHybrid(dictionary.entries, values.count, dictionary.width, page)
      encoding = 'RLE_DICTIONARY'
    }
    const dataOffset = BigInt(file.offset)
    uncompressed += this.#writePage(page, encoding, { file, codec })
    const nulls = this.#count - values.count
    const chunk: ColumnChunk = {
      file_offset: BigInt(fileOffset),
      meta_data: {
        type: this.#type,
        encodings: [...new Set<Encoding>(['PLAIN', 'RLE', encoding])],
        path_in_schema: this.#path,
        codec: codec.name,
        num_values: BigInt(this.#count),
        total_uncompressed_size: BigInt(uncompressed),
        total_compressed_size: BigInt(file.offset - fileOffset),
        data_page_offset: dataOffset,
        ...(dictionaryOffset === undefined ? {} : { dictionary_page_offset: dictionaryOffset }),
        statistics: {
          null_count: BigInt(nulls),
          ...(min === undefined || max === undefined ? {} : { min_value: copyOf(min), max_value: copyOf(max) }),
        },
      },
    }
    values.clear()
    this.#count = this.#rows = 0
    return chunk
  }

  /** Whether the dictionary and the numbers are at most half of the values. */
  #isSmaller({ size, isGivenUp, bytes, width }: NonNullable<Values['dictionary']>): boolean {
    const { plain, count } = this.#values
    return !isGivenUp && size > 0 && 2 * (bytes.length + (count * width) / 8) <= plain.length
  }

  #writeDictionary({ bytes, size }: NonNullable<Values['dictionary']>, file: ParquetBytes, codec: PageCodec): number {
    const stored = codec.compress(bytes.view())
    const start = file.offset
    writePageHeader(file, {
      type: 'DICTIONARY_PAGE',
      uncompressed_page_size: bytes.length,
      compressed_page_size: stored.length,
      dictionary_page_header: { num_values: size, encoding: 'PLAIN' },
    })
    const headerBytes = file.offset - start
    file.appendBytes(stored)
    return headerBytes + bytes.length
  }

  #writePage(
    page: ByteWriter,
    encoding: Encoding,
    { file, codec }: { readonly file: ParquetBytes; readonly codec: PageCodec },
  ): number {
    const levels = new ByteWriter(firstLevels)
    if (this.#lists > 0) writeHybrid(this.#repeats, this.#count, widthOf(this.#lists), levels)
    const repeatBytes = levels.length
    writeHybrid(this.#levels, this.#count, widthOf(this.#maxLevel), levels)
    const stored = codec.compress(page.view())
    const start = file.offset
    writePageHeader(file, {
      type: 'DATA_PAGE_V2',
      uncompressed_page_size: levels.length + page.length,
      compressed_page_size: levels.length + stored.length,
      data_page_header_v2: {
        num_values: this.#count,
        num_nulls: this.#count - this.#values.count,
        num_rows: this.#rows,
        encoding,
        definition_levels_byte_length: levels.length - repeatBytes,
        repetition_levels_byte_length: repeatBytes,
        is_compressed: true,
      },
    })
    const headerBytes = file.offset - start
    file.appendBytes(levels.view())
    file.appendBytes(stored)
    return headerBytes + levels.length + page.length
  }
}

/** The bits of the numbers up to `max`. */
function widthOf(max: number): number {
  return 32 - Math.clz32(max)
}

/** The memory of the values is used again before the index of the file is written. */
function copyOf<T>(bound: T): T | Uint8Array {
  return bound instanceof Uint8Array ? Uint8Array.from(bound) : bound
}
