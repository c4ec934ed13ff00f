// The last stage: encodes changes into a batch, which it gives to the sink and then fills again.

import type { CopyRun } from '../../core/copy-run.ts'
import { largeMessageBytes, MessageBatch } from '../../core/message-batch.ts'
import { wallMs } from '../../core/hlc.ts'
import type { RecordRun, RunTable } from '../../core/record-run.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowChange } from '../../core/row-change.ts'
import type { Encoder } from '../../encode/encoder.ts'
import type { RecordEncoder } from '../../encode/record-encoder.ts'
import type { ChangeTaker } from './change-taker.ts'

/** A batch is full when it has this size. */
const batchBytes = 256 * 1024

export class MessageOutput implements ChangeTaker {
  readonly batch: MessageBatch
  readonly #encoder: Encoder
  /** Null: the encoder takes no runs. */
  #records: RecordEncoder | null | undefined
  readonly #send: (batch: MessageBatch) => Promise<void>

  /**
   * `send` gives a batch to the sink and clears it. A batch starts small, because most of many feeds are quiet, and grows to what the
   * feed needs.
   */
  constructor(encoder: Encoder, send: (batch: MessageBatch) => Promise<void>, batch = new MessageBatch(16 * 1024)) {
    this.#encoder = encoder
    this.#send = send
    this.batch = batch
    this.batch.hasKeys = encoder.hasKeys ?? true
  }

  get isFull(): boolean {
    return this.batch.bytes.length >= batchBytes
  }

  async drain(): Promise<void> {
    if (this.batch.count > 0) await this.#send(this.batch)
  }

  tableOf(relation: RelationSchema, topic: number): RunTable | undefined {
    // Asked when the first row has come: a quiet feed costs nothing.
    if (this.#records === undefined) this.#records = this.#encoder.openRecords?.() ?? null
    return this.#records?.takes(relation, topic) === true ? { relation, topic, schema: 0 } : undefined
  }

  takeRecords(run: RecordRun, from: number): number {
    if (this.batch.count === 0) this.#begin(wallMs(run.timeOf(from)))
    return this.#records?.encode(run, from, this.batch) ?? from
  }

  takeCopied(run: CopyRun, from: number): number {
    if (this.batch.count === 0) this.#begin(Number.NaN)
    return this.#records?.encodeCopied(run, from, this.batch) ?? from
  }

  take(change: RowChange): void {
    const { batch } = this
    if (batch.count === 0) this.#begin(change.committedMs)
    batch.begin(change.topic, change.schema)
    this.#encoder.encodeKey(change.relation, change.key, batch.bytes)
    batch.endKey()
    batch.end(this.#encoder.encodeValue(change, batch.bytes))
    if (batch.lastBytes >= largeMessageBytes) batch.largeTimes.set(batch.count - 1, change.mvcc.toString('latin1'))
  }

  #begin(committedMs: number): void {
    this.batch.committedMs = committedMs
    this.batch.begunAtMs = performance.now()
  }
}
