// The other door of an encoder: it takes runs of row records, or of rows of COPY, in place of one change at a time.

import type { CopyRun } from '../core/copy-run.ts'
import type { MessageBatch } from '../core/message-batch.ts'
import type { RecordRun } from '../core/record-run.ts'
import type { RelationSchema } from '../core/relation.ts'

export interface RecordEncoder {
  /** Whether runs may have records of this relation. `topic` is an index into `FeedSpec.targets`. */
  takes(relation: RelationSchema, topic: number): boolean
  /**
   * Appends the messages of the records from `from` on to the batch: the same bytes as `Encoder` writes. Returns the first record of
   * which there is no message yet: all are done, or that one must be given as a change, because it is not as most records are.
   */
  encode(run: RecordRun, from: number, batch: MessageBatch): number
  /** The same for rows of COPY, which are named by their offsets. */
  encodeCopied(run: CopyRun, from: number, batch: MessageBatch): number
}
