// The interface of the formats of files: how messages become the bytes of a file. A format of lines appends to them; a format with
// blocks (Avro, Parquet) collects messages and writes a block now and then, and an index at the end.

export interface FileFormat {
  /** The ending of the names of files, without a dot: `ndjson`, or `csv.gz`. */
  readonly extension: string
  readonly contentType: string
  /** The files are compressed as a whole. A format that compresses inside its files has none. */
  readonly compression?: 'gzip' | 'zstd' | undefined
  /** Begins a file of messages that were written with this schema. */
  begin(schema: number): FileBody
}

export interface FileBody {
  /** The bytes of the file that are ready to be taken. */
  readonly ready: number
  /** About how many bytes the file will have that are not taken. */
  readonly estimate: number
  /** The memory that the body holds, in bytes, including those that are ready. */
  readonly held: number
  /** Appends a message: `bytes[keyStart, keyEnd)` is its key, `bytes[keyEnd, valueEnd)` its value. A negative `valueEnd`: it has no value. */
  add(bytes: Buffer, keyStart: number, keyEnd: number, valueEnd: number): void
  /** Returns the bytes that are ready, in memory of their own. */
  take(): Uint8Array
  /** Called once, after the last message: the rest of the file becomes ready. */
  end(): void
}
