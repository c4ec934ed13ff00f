// The last taker of changes: encodes them into the batch that goes to the sink next. Its batch is filled again and again.

import { largeMessageBytes, MessageBatch } from '../../core/message-batch.ts'
import type { RowChange } from '../../core/row-change.ts'
import type { Encoder } from '../../encode/encoder.ts'
import type { ChangeTaker } from './change-taker.ts'

/** A batch of this size goes to the sink. */
const batchBytes = 256 * 1024

export class MessageOutput implements ChangeTaker {
  /** Grows to what the feed needs: most feeds of many are quiet. */
  readonly batch = new MessageBatch(16 * 1024)
  readonly #encoder: Encoder
  readonly #send: (batch: MessageBatch) => Promise<void>

  /** `send` gives a batch to the sink and clears it. */
  constructor(encoder: Encoder, send: (batch: MessageBatch) => Promise<void>) {
    this.#encoder = encoder
    this.#send = send
  }

  get isFull(): boolean {
    return this.batch.bytes.length >= batchBytes
  }

  async drain(): Promise<void> {
    if (this.batch.count > 0) await this.#send(this.batch)
  }

  take(change: RowChange): void {
    const { batch } = this
    batch.begin(change.topic, change.schema)
    this.#encoder.encodeKey(change.relation, change.key, batch.bytes)
    batch.endKey()
    batch.end(this.#encoder.encodeValue(change, batch.bytes))
    if (batch.lastBytes >= largeMessageBytes) batch.largeTimes.set(batch.count - 1, change.mvcc.toString('latin1'))
  }
}
