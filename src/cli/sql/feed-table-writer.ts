// A changefeed as a table. It may never end, so the first row decides how wide the columns are and every row prints when
// it comes; a longer value moves what is right of it.

import type { Fields, ResultColumn, ResultWriter } from './result-writer.ts'
import { TableWriter } from './table-writer.ts'

export class FeedTableWriter implements ResultWriter {
  readonly #table: TableWriter
  #isBegun = false

  constructor(columns: readonly ResultColumn[]) {
    this.#table = new TableWriter(columns)
  }

  head(): string {
    return ''
  }

  row(fields: Fields): string {
    const head = this.#isBegun ? '' : this.#table.begin(fields)
    this.#isBegun = true
    return head + this.#table.line(fields)
  }

  end(): string {
    return this.#table.finish()
  }
}
