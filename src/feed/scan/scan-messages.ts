// Takes what one connection of a scan reads, and waits where the sink, or the schema registry, makes it wait.

import type { CopyRun } from '../../core/copy-run.ts'
import type { RunTable } from '../../core/record-run.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import type { Chunk } from '../../scan/chunks.ts'
import type { ScanConsumer } from '../../scan/scan.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import { ScanRows, type ScanRowsOptions } from './scan-rows.ts'
import type { SplitRows } from './split/split-rows.ts'

export interface ScanMessagesOptions extends ScanRowsOptions {
  /** Encodes rows side by side in several threads; undefined: all are encoded here. */
  readonly split: SplitRows | undefined
  /** Called when all rows of a run of pages have been emitted. */
  readonly chunkDone: (relid: number, chunk: Chunk) => Promise<void>
}

export class ScanMessages implements ScanConsumer {
  readonly changes: ChangeWriter
  readonly run: ScanConsumer['run']
  readonly #options: ScanMessagesOptions
  readonly #rows: ScanRows
  /** Settles when the sink, or the schema registry, has taken what it was given last by `pieceDone`. */
  #draining: Promise<void> | undefined

  constructor(changes: ChangeWriter, options: ScanMessagesOptions) {
    const { split } = options
    this.changes = changes
    this.#options = options
    this.#rows = new ScanRows(changes, options)
    this.run = split && ((shape, bytes, start, end) => split.add(shape, bytes, start, end))
  }

  row(relation: RelationSchema, row: RowView, commitMicros: string | undefined): void {
    this.#rows.row(relation, row, commitMicros)
  }

  tableOf(relation: RelationSchema): RunTable | undefined {
    return this.#rows.tableOf(relation)
  }

  takeCopied(run: CopyRun, from: number): number {
    return this.#rows.takeCopied(run, from)
  }

  pieceDone(): void | Promise<void> {
    if (this.changes.isFull) return (this.#draining = this.changes.drain())
    return this.#options.split?.pieceDone()
  }

  async chunkDone(relid: number, chunk: Chunk): Promise<void> {
    await this.changes.drain()
    await this.#options.split?.drain()
    await this.#options.chunkDone(relid, chunk)
  }

  /** Settles when nothing is under way any more; throws what the sink has thrown. */
  async settled(): Promise<void> {
    await this.#draining
    await this.#options.split?.drain()
  }
}
