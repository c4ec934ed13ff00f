// Encodes changes into the batch that goes to the sink next. One object per feed (and one per scan connection): its
// batch, its RowChange and its timestamps are filled again and again.

import type { Hlc } from '../core/hlc.ts'
import { largeMessageBytes, MessageBatch } from '../core/message-batch.ts'
import type { RelationSchema } from '../core/relation.ts'
import type { RowChange } from '../core/row-change.ts'
import type { RowView } from '../core/row-view.ts'
import type { Encoder } from '../encode/encoder.ts'
import { TimestampText } from './timestamp-text.ts'

/** A batch this large is handed on. */
export const batchBytes = 256 * 1024

export class MessageOutput {
  /** Grows to what the feed needs: most feeds of many are quiet. */
  readonly batch = new MessageBatch(16 * 1024)
  readonly #encoder: Encoder
  #change: RowChange | undefined
  readonly #timestamps = new TimestampText()
  #updated: Buffer = Buffer.alloc(0)
  #mvcc: Buffer = this.#updated

  constructor(encoder: Encoder) {
    this.#encoder = encoder
  }

  get isFull(): boolean {
    return this.batch.bytes.length >= batchBytes
  }

  /** The timestamp of the changes that follow. */
  stamp(ts: Hlc): void {
    this.#updated = this.#mvcc = this.#timestamps.of(ts)
  }

  /** The commit time of a scanned row's version, where it differs. */
  set mvcc(text: Buffer) {
    this.#mvcc = text
  }

  /** Appends one message. `after` undefined: a delete, whose key is read from `key`. */
  write(
    relation: RelationSchema,
    topic: number,
    key: RowView,
    after: RowView | undefined,
    before: RowView | undefined,
  ): void {
    const { batch } = this
    const change = this.#fill(relation, topic, key, after, before)
    batch.begin(topic)
    this.#encoder.encodeKey(relation, key, batch.bytes)
    batch.endKey()
    batch.end(this.#encoder.encodeValue(change, batch.bytes))
    if (batch.lastBytes >= largeMessageBytes) batch.largeTimes.set(batch.count - 1, this.#mvcc.toString('latin1'))
  }

  #fill(
    relation: RelationSchema,
    topic: number,
    key: RowView,
    after: RowView | undefined,
    before: RowView | undefined,
  ): RowChange {
    let change = this.#change
    if (change === undefined) {
      change = { relation, topic, key, after, before, updated: this.#updated, mvcc: this.#mvcc }
      this.#change = change
      return change
    }
    change.relation = relation
    change.topic = topic
    change.key = key
    change.after = after
    change.before = before
    change.updated = this.#updated
    change.mvcc = this.#mvcc
    return change
  }
}
