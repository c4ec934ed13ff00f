// A file that still takes messages. Its bytes are collected in pieces, which are compressed as they become large enough.

import { compressor, type Compressor } from './files/compress.ts'
import type { FileBody, FileFormat } from './files/file-body.ts'

/** A little less than a power of two, to which memory grows. */
const pieceBytes = 240 * 1024
const compressedPieceBytes = 1000 * 1024

/** Bytes of a file; `work` is undefined when they are as they will be stored. */
interface Piece {
  bytes: Uint8Array
  work: Promise<void> | undefined
}

export class OpenFile {
  readonly schema: number
  /** For the metrics: its messages, the bytes of their keys and values, when the first was committed (NaN: unknown), and when it came. */
  messages = 0
  payloadBytes = 0
  readonly committedMs: number
  readonly emittedAtMs = performance.now()
  readonly #body: FileBody
  readonly #compressor: Compressor | undefined
  readonly #pieceBytes: number
  #pieces: Piece[] = []
  /** The size of the pieces, including those that are taken already. */
  #stored = 0
  /** The memory of the pieces that are not taken. */
  #held = 0
  #working = 0
  #failure: unknown

  constructor(format: FileFormat, schema: number, committedMs = Number.NaN) {
    this.schema = schema
    this.committedMs = committedMs
    this.#body = format.begin(schema)
    const { compression } = format
    this.#compressor = compression === undefined ? undefined : compressor(compression)
    this.#pieceBytes = compression === undefined ? pieceBytes : compressedPieceBytes
    if (this.#compressor !== undefined) this.#push(this.#compressor.head)
  }

  /** The size of the file so far, as far as it is compressed. */
  get size(): number {
    return this.#compressor === undefined ? this.#stored + this.#body.estimate : this.#stored
  }

  /** The memory that it holds, in bytes. */
  get held(): number {
    return this.#held + this.#body.held
  }

  /** Pieces that are being compressed. */
  get working(): number {
    return this.#working
  }

  add(bytes: Buffer, keyStart: number, keyEnd: number, valueEnd: number): void {
    this.#body.add(bytes, keyStart, keyEnd, valueEnd)
    this.messages += 1
    this.payloadBytes += Math.max(valueEnd, keyEnd) - keyStart
    if (this.#body.ready >= this.#pieceBytes) this.#cut()
  }

  /** The bytes that `takeDone` would return. */
  get done(): number {
    if (this.#compressor === undefined) return this.#held + this.#body.ready
    let bytes = 0
    for (const piece of this.#pieces) {
      if (piece.work !== undefined) break
      bytes += piece.bytes.length
    }
    return bytes
  }

  /** Takes the beginning of what is left, as far as it is compressed. */
  takeDone(): readonly Uint8Array[] {
    if (this.#compressor === undefined && this.#body.ready > 0) this.#cut()
    const working = this.#pieces.findIndex(({ work }) => work !== undefined)
    const done = this.#pieces.splice(0, working < 0 ? this.#pieces.length : working)
    for (const { bytes } of done) this.#held -= bytes.length
    return done.map(({ bytes }) => bytes)
  }

  /** Called once, after the last message: what is left of the file becomes complete. */
  end(): void {
    this.#body.end()
    if (this.#body.ready > 0) this.#cut()
    if (this.#compressor !== undefined) this.#push(this.#compressor.end())
  }

  /** Returns what is left of the file, after `end`. */
  async rest(): Promise<readonly Uint8Array[]> {
    for (const { work } of this.#pieces) await work
    if (this.#failure !== undefined) throw this.#failure
    return this.#pieces.map(({ bytes }) => bytes)
  }

  /** Settles when less is being compressed. */
  async compressed(): Promise<void> {
    await this.#pieces.find(({ work }) => work !== undefined)?.work
  }

  #cut(): void {
    const bytes = this.#body.take()
    if (this.#compressor === undefined) this.#push(bytes)
    else this.#compress(bytes, this.#compressor)
  }

  #push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#pieces.push({ bytes, work: undefined })
    this.#held += bytes.length
    this.#stored += bytes.length
  }

  #compress(bytes: Uint8Array, by: Compressor): void {
    const piece: Piece = { bytes, work: undefined }
    this.#pieces.push(piece)
    this.#held += bytes.length
    this.#working += 1
    piece.work = by
      .chunk(bytes)
      .then(
        (compressed) => {
          piece.bytes = compressed
          this.#held += compressed.length - bytes.length
          this.#stored += compressed.length
        },
        (error: unknown) => {
          this.#failure ??= error
        },
      )
      .finally(() => {
        piece.work = undefined
        this.#working -= 1
      })
  }
}
