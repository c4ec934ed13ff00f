// What a scan asks about the rows that it reads at its cut, when it wants those of an earlier time.

import type { Hlc } from '../../core/hlc.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import type { Selection } from '../../scan/selection.ts'
import type { ScanTable } from '../../scan/table-facts.ts'
import type { ChangeWriter } from '../output/change-writer.ts'

export interface CutTables {
  readonly time: Hlc
  readonly tables: ReadonlyMap<number, ScanTable>
}

export interface RowsAsOf extends Disposable {
  /** Reads the log up to this time, at which it is complete, from where the reading has stopped. */
  readLog(through: Hlc): Promise<void>
  /**
   * Reads the log up to the cut. Rows that have changed since the wanted time, and are
   * known as they were then, are in the stash. FEED_ROW, FEED_STATE and FEED_GAP mean that the log does not hold what the rows were.
   */
  readTo(cut: CutTables): Promise<void>
  /** The columns to read of a table; undefined: the table is left out. */
  selection(table: ScanTable): Selection | undefined
  /** Returns false if the row is not the one of the wanted time. */
  isAsOf(relation: RelationSchema, row: RowView): boolean
  /** Writes a row, with the columns that its table had at the wanted time. */
  write(changes: ChangeWriter, relation: RelationSchema, topic: number, row: RowView): void
}
