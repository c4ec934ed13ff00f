// Prints a changefeed as a table. It may never end, so the first row decides the width of the columns, and each row is printed when it
// arrives; a longer value moves the values to the right of it.

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
