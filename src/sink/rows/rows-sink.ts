// The sink of a feed without INTO: rows back over the SQL connection. It makes DataRow messages and hands them on in
// chunks; whoever takes a chunk decides when the next may come, so a client that does not read stops the feed.
//
// A client on a connection acknowledges nothing: `flush` promises only that everything was handed on.

import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { ValueFormat } from '../../core/feed-spec.ts'
import type { MessageBatch } from '../../core/message-batch.ts'
import type { Resolved, Sink } from '../sink.ts'
import { byteaColumn, endDataRow, nullColumn, startDataRow, textColumn } from './data-row.ts'

const chunkBytes = 256 * 1024

export interface RowsSinkOptions {
  readonly formats: readonly [ValueFormat, ValueFormat, ValueFormat]
  /** Topic of each target, in the order of the spec. */
  readonly topics: readonly string[]
  /** Takes complete DataRow messages over, with the memory they are in; settles when more may come. */
  readonly send: (messages: Uint8Array<ArrayBuffer>) => Promise<void>
}

export class RowsSink implements Sink {
  readonly #keyFormat: ValueFormat
  readonly #valueFormat: ValueFormat
  readonly #topics: readonly Buffer[]
  readonly #send: RowsSinkOptions['send']
  readonly #out = new ByteWriter(chunkBytes)

  constructor(options: RowsSinkOptions) {
    this.#keyFormat = options.formats[1]
    this.#valueFormat = options.formats[2]
    this.#topics = options.topics.map((topic) => Buffer.from(topic))
    this.#send = options.send
  }

  async emit(batch: MessageBatch): Promise<void> {
    const out = this.#out
    const { buffer } = batch.bytes
    for (let i = 0; i < batch.count; i++) {
      const at = startDataRow(out)
      const valueStart = batch.valueStarts[i] as number
      textColumn(out, this.#topics[batch.topics[i] as number] as Buffer)
      byteaColumn(out, this.#keyFormat, buffer, batch.keyStarts[i] as number, valueStart)
      byteaColumn(out, this.#valueFormat, buffer, valueStart, batch.valueEnds[i] as number)
      endDataRow(out, at)
      if (out.length >= chunkBytes) await this.#handOn()
    }
    await this.#handOn()
  }

  async emitResolved(resolved: Resolved): Promise<void> {
    const payload = resolved.payload(0)
    const out = this.#out
    const at = startDataRow(out)
    nullColumn(out)
    nullColumn(out)
    byteaColumn(out, this.#valueFormat, payload, 0, payload.length)
    endDataRow(out, at)
    await this.#handOn()
  }

  async flush(): Promise<void> {
    await this.#handOn()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#out.clear()
    return Promise.resolve()
  }

  async #handOn(): Promise<void> {
    if (this.#out.length === 0) return
    await this.#send(this.#out.take())
  }
}
