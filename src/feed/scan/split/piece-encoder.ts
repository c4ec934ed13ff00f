// Encodes pieces of a scan, in any thread: by the same steps as a scan that is not split.

import type { FeedSpec } from '../../../core/feed-spec.ts'
import type { Hlc } from '../../../core/hlc.ts'
import type { RunTable } from '../../../core/record-run.ts'
import type { RelationSchema } from '../../../core/relation.ts'
import type { RowChange } from '../../../core/row-change.ts'
import type { Encoder } from '../../../encode/encoder.ts'
import { openEncoder } from '../../../encode/open-encoder.ts'
import { CopiedRows } from '../../../scan/copied-rows.ts'
import { ChangeWriter } from '../../output/change-writer.ts'
import { MessageOutput } from '../../output/message-output.ts'
import { ScanRows } from '../scan-rows.ts'
import type { Piece, PieceTable } from './piece.ts'

const sent = Promise.resolve()

export class PieceEncoder {
  readonly #encoder: Encoder
  readonly #at: Hlc

  constructor(encoder: Encoder, at: Hlc) {
    this.#encoder = encoder
    this.#at = at
  }

  /** An encoder of its own, as each thread needs one. */
  static async open(spec: FeedSpec, at: Hlc): Promise<PieceEncoder> {
    return new PieceEncoder(await openEncoder(spec), at)
  }

  encode(piece: Piece, table: PieceTable): void {
    const { relation, topic, schema } = table
    const output = new MessageOutput(this.#encoder, () => sent, piece.batch)
    const changes = new ChangeWriter({
      take(change: RowChange): void {
        // The number that the encoder in the thread of the feed has given, because the sink asks that one.
        change.schema = schema
        output.take(change)
      },
      tableOf(table: RelationSchema, index: number): RunTable | undefined {
        const of = output.tableOf(table, index)
        return of && { ...of, schema }
      },
      takeCopied: (run, from) => output.takeCopied(run, from),
      isFull: false,
      drain: () => sent,
    })
    const topics = new Map([[relation.relid, topic]])
    const rows = new ScanRows(changes, { at: this.#at, topics, rowsAsOf: undefined })
    new CopiedRows(table, rows).run(piece.bytes, 0, piece.length)
  }
}
