// The sink of a feed without INTO, whose messages are rows on the SQL connection. The sink makes DataRow messages and sends
// them in chunks. The next chunk waits until the client has taken enough, so a client that does not read stops the feed.
//
// A client on a connection acknowledges nothing: `flush` promises only that everything was sent.

import { ByteWriter, keepBytes } from '../../bytes/byte-writer.ts'
import type { ValueFormat } from '../../core/feed-spec.ts'
import type { MessageBatch } from '../../core/message-batch.ts'
import type { Resolved, Sink } from '../sink.ts'
import type { SinkOpening } from '../sink-facts.ts'
import { byteaColumn, endDataRow, nullColumn, startDataRow, textColumn } from './data-row.ts'
import { shortened } from './shorten.ts'
import type { RowsSinkSpec } from './spec.ts'

const chunkBytes = 256 * 1024

export type RowsSinkOptions = Pick<RowsSinkSpec, 'formats' | 'mostValueBytes'> & Pick<SinkOpening, 'topics' | 'send'>

export async function open(spec: RowsSinkSpec, opening: SinkOpening): Promise<Sink> {
  return new RowsSink({ ...spec, ...opening })
}

export class RowsSink implements Sink {
  readonly #keyFormat: ValueFormat
  readonly #valueFormat: ValueFormat
  readonly #mostValueBytes: number | undefined
  readonly #topics: readonly Buffer[]
  readonly #send: SinkOpening['send']
  readonly #out = new ByteWriter(chunkBytes)
  /** Of the present chunk: messages of rows, and the bytes of their keys and values. */
  #messages = 0
  #bytes = 0
  #committedMs = Number.NaN

  constructor({ formats: [, keyFormat, valueFormat], mostValueBytes, topics, send }: RowsSinkOptions) {
    this.#mostValueBytes = mostValueBytes
    this.#keyFormat = keyFormat
    this.#valueFormat = valueFormat
    this.#topics = topics.map((topic) => Buffer.from(topic))
    this.#send = send
  }

  async emit(batch: MessageBatch): Promise<void> {
    const out = this.#out
    const { buffer } = batch.bytes
    this.#committedMs = batch.committedMs
    for (let i = 0; i < batch.count; i++) {
      const at = startDataRow(out)
      const valueStart = batch.valueStarts[i] as number
      textColumn(out, this.#topics[batch.topics[i] as number] as Buffer)
      this.#column(this.#keyFormat, buffer, batch.keyStarts[i] as number, valueStart)
      this.#column(this.#valueFormat, buffer, valueStart, batch.valueEnds[i] as number)
      endDataRow(out, at)
      this.#messages += 1
      this.#bytes += (batch.valueEnds[i] as number) - (batch.keyStarts[i] as number)
      if (out.length >= chunkBytes && this.#mostValueBytes === undefined) await this.flush()
    }
    // What was shortened is not needed any more, and its client may let us wait for long.
    if (this.#mostValueBytes !== undefined && batch.bytes.buffer.length > keepBytes) batch.bytes.clear()
    await this.flush()
  }

  #column(format: ValueFormat, source: Buffer, start: number, end: number): void {
    const most = this.#mostValueBytes
    if (most === undefined || end - start <= most) return byteaColumn(this.#out, format, source, start, end)
    const column = shortened(source, start, end, most)
    byteaColumn(this.#out, format, column, 0, column.length)
  }

  async emitResolved(resolved: Resolved): Promise<void> {
    const payload = resolved.payload(0)
    const out = this.#out
    const at = startDataRow(out)
    nullColumn(out)
    nullColumn(out)
    byteaColumn(out, this.#valueFormat, payload, 0, payload.length)
    endDataRow(out, at)
    await this.flush()
  }

  async flush(): Promise<void> {
    if (this.#out.length === 0) return
    const sent = {
      messages: this.#messages,
      bytes: this.#bytes,
      committedMs: this.#committedMs,
      emittedAtMs: performance.now(),
    }
    this.#messages = 0
    this.#bytes = 0
    await this.#send(this.#out.take(), sent)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#out.clear()
    return Promise.resolve()
  }
}
