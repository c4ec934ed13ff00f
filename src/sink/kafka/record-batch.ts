// Kafka's record batch, version 2, written directly from the bytes of the feed:
//
//   i64 base offset, i32 length of the rest, i32 leader epoch, i8 magic 2, u32 CRC-32C of the rest,
//   i16 attributes (codec in bits 0-2), i32 last offset delta, i64 first and i64 max timestamp (ms),
//   i64 producer id, i16 producer epoch, i32 base sequence, i32 count, records
//   record: varint length, i8 attributes, varint timestamp delta, varint offset delta,
//           varint key length (-1: none), key, varint value length (-1: none), value, varint header count, headers
//   header: varint name length, name, varint value length, value; the same in every record
//
// Varints are zigzag. The records can be compressed as a whole. The records stay in memory until `clear`, so that a batch
// can be sent again, or halved when the broker refuses it for its size.

import { crc32c } from '@platformatic/kafka'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { LargeTimes } from '../../core/large-times.ts'
import type { BatchLimits, LaneRows } from '../batching/lane-client.ts'
import { noHeaders } from './record-headers.ts'
import { putShort, putVarint, readVarint, varintBytes, writeVarint } from './varint.ts'

export const headerBytes = 61
/** The most bytes of a record beside its key, its value and its headers: attributes, timestamp delta, and four varints. */
export const recordOverhead = 22
const crcFrom = 21

export interface BatchHeader {
  readonly nowMs: number
  readonly producer: { readonly id: bigint; readonly epoch: number; readonly sequence: number } | undefined
  /** Compresses the records; undefined: they are sent as they are. */
  readonly compress: { readonly codec: number; readonly compress: (records: Buffer) => Buffer } | undefined
}

export class RecordBatch {
  readonly #out: ByteWriter
  readonly #headers: Uint8Array
  /** When the rows of large records were committed, by the index of the record. */
  readonly #times = new LargeTimes()
  count = 0

  /** `headers`: the headers of every record, as `recordHeaders` returns them. */
  constructor(initialBytes = 64 * 1024, headers = noHeaders) {
    this.#out = new ByteWriter(initialBytes)
    this.#headers = headers
    this.clear()
  }

  /** Size in bytes of header and records, before compression. */
  get bytes(): number {
    return this.#out.length
  }

  /** Memory that the batch holds, in bytes. */
  get capacity(): number {
    return this.#out.buffer.length
  }

  clear(): void {
    this.#out.clear()
    this.#out.ensure(headerBytes)
    this.#out.length = headerBytes
    this.#times.clear()
    this.count = 0
  }

  /** Returns when the row of a record was committed; undefined: the record is small. */
  timeOf(record: number): string | undefined {
    return this.#times.get(record)
  }

  /** Appends a record; the parameters are those of `BatchBody.add`. */
  add(bytes: Uint8Array, keyStart: number, keyEnd: number, valueEnd: number, time?: string): void {
    if (time !== undefined) this.#times.set(this.count, time)
    const out = this.#out
    const offset = this.count * 2
    const keyBytes = keyEnd - keyStart
    const valueBytes = valueEnd - keyEnd
    const keyLength = keyStart < 0 ? 1 : keyBytes * 2
    const valueLength = valueEnd < 0 ? 1 : valueBytes * 2
    const headers = this.#headers
    const body =
      2 +
      headers.length +
      varintBytes(offset) +
      varintBytes(keyLength) +
      varintBytes(valueLength) +
      (keyStart < 0 ? 0 : keyBytes) +
      (valueEnd < 0 ? 0 : valueBytes)
    out.ensure(body + 5)
    writeVarint(out, body * 2)
    out.buffer[out.length++] = 0
    out.buffer[out.length++] = 0
    writeVarint(out, offset)
    writeVarint(out, keyLength)
    if (keyStart >= 0) out.copy(bytes, keyStart, keyEnd)
    writeVarint(out, valueLength)
    if (valueEnd >= 0) out.copy(bytes, keyEnd, valueEnd)
    out.copy(headers, 0, headers.length)
    this.count += 1
  }

  /** See `BatchBody.addRows`. */
  addRows(rows: LaneRows, first: number, { bytes, messages, overheadBytes = 0 }: BatchLimits): number {
    const { batch, next } = rows
    const { hasKeys, keyStarts, valueStarts, valueEnds, nilValues, largeTimes } = batch
    if (!hasKeys) return first
    const from = batch.bytes.buffer
    const out = this.#out
    const headers = this.#headers
    let { count } = this
    let payloadBytes = 0
    let at = out.length
    let row = first
    for (; row >= 0 && count < messages; row = next[row] as number) {
      const keyStart = keyStarts[row] as number
      const keyEnd = valueStarts[row] as number
      const isNil = nilValues[row] === 1
      const valueEnd = isNil ? keyEnd : (valueEnds[row] as number)
      const payload = valueEnd - keyStart
      if (at + overheadBytes + payload > bytes) break
      if (largeTimes.size > 0) {
        const time = largeTimes.get(row)
        if (time !== undefined) this.#times.set(count, time)
      }
      if (at + recordOverhead + headers.length + payload > out.buffer.length) {
        out.length = at
        out.ensure(recordOverhead + headers.length + payload)
      }
      const to = out.buffer
      const offset = count * 2
      const keyLength = (keyEnd - keyStart) * 2
      const valueLength = isNil ? 1 : (valueEnd - keyEnd) * 2
      const valueLengthBytes = varintBytes(valueLength)
      const body = 2 + headers.length + varintBytes(offset) + varintBytes(keyLength) + valueLengthBytes + payload
      at = putVarint(to, at, body * 2)
      to[at++] = 0
      to[at++] = 0
      at = putVarint(to, at, offset)
      at = putVarint(to, at, keyLength)
      // One copy for both brings the value to its place. The key, which is short, belongs before the length of the value.
      from.copy(to, at + valueLengthBytes, keyStart, valueEnd)
      at = putShort(to, at, from, keyStart, keyEnd)
      at = putVarint(to, at, valueLength) + valueEnd - keyEnd
      at = putShort(to, at, headers, 0, headers.length)
      payloadBytes += payload
      count += 1
    }
    rows.payloadBytes += payloadBytes
    out.length = at
    this.count = count
    return row
  }

  /** Returns the bytes of the batch as they are sent, valid until the next call of any method. */
  seal({ nowMs, producer, compress }: BatchHeader): Buffer {
    let batch: Buffer = this.#out.view()
    if (compress !== undefined) {
      const records = compress.compress(batch.subarray(headerBytes))
      batch = Buffer.concat([batch.subarray(0, headerBytes), records])
    }
    const now = BigInt(nowMs)
    batch.writeBigInt64BE(0n, 0)
    batch.writeInt32BE(batch.length - 12, 8)
    batch.writeInt32BE(-1, 12)
    batch.writeInt8(2, 16)
    batch.writeInt16BE(compress?.codec ?? 0, crcFrom)
    batch.writeInt32BE(this.count - 1, 23)
    batch.writeBigInt64BE(now, 27)
    batch.writeBigInt64BE(now, 35)
    batch.writeBigInt64BE(producer?.id ?? -1n, 43)
    batch.writeInt16BE(producer?.epoch ?? -1, 51)
    batch.writeInt32BE(producer?.sequence ?? -1, 53)
    batch.writeInt32BE(this.count, 57)
    batch.writeUInt32BE(crc32c(batch.subarray(crcFrom)), 17)
    return batch
  }

  /** Returns two new batches with the first and the second half of the records. */
  halves(): [RecordBatch, RecordBatch] {
    const halves: [RecordBatch, RecordBatch] = [
      new RecordBatch(this.bytes, this.#headers),
      new RecordBatch(this.bytes, this.#headers),
    ]
    const { buffer, length } = this.#out
    const half = Math.floor(this.count / 2)
    const cursor = { at: headerBytes }
    for (let n = 0; cursor.at < length; n++) {
      const end = readVarint(buffer, cursor) / 2 + cursor.at
      cursor.at += 2
      readVarint(buffer, cursor)
      const keyLength = readVarint(buffer, cursor)
      const keyStart = keyLength === 1 ? -1 : cursor.at
      const key = keyLength === 1 ? 0 : keyLength / 2
      // `add` reads the value directly after the key: make a copy without the length between them.
      const keyBytes = buffer.subarray(cursor.at, cursor.at + key)
      cursor.at += key
      const valueLength = readVarint(buffer, cursor)
      const value = valueLength === 1 ? 0 : valueLength / 2
      const joined = Buffer.concat([keyBytes, buffer.subarray(cursor.at, cursor.at + value)])
      const into = n < half ? halves[0] : halves[1]
      into.add(joined, keyStart < 0 ? -1 : 0, key, valueLength === 1 ? -1 : joined.length, this.#times.get(n))
      cursor.at = end
    }
    return halves
  }
}
