// A result with one line for each value, for rows that are wider than the terminal:
//
//   -[ RECORD 1 ]
//   job_id      | 360645287206223873
//   description | CREATE CHANGEFEED FOR TABLE office_dogs INTO 'kafka://localhost:9092'

import { printable } from './printable.ts'
import { shown, type Fields, type ResultColumn, type ResultWriter } from './result-writer.ts'

export class RecordsWriter implements ResultWriter {
  readonly #columns: readonly ResultColumn[]
  readonly #width: number
  #count = 0

  constructor(columns: readonly ResultColumn[]) {
    this.#columns = columns.map(({ name, typeOid }) => ({ name: printable(name), typeOid }))
    this.#width = Math.max(0, ...columns.map(({ name }) => name.length))
  }

  head(): string {
    return ''
  }

  row(fields: Fields): string {
    this.#count += 1
    let text = `-[ RECORD ${this.#count} ]\n`
    for (const [index, column] of this.#columns.entries()) {
      const lines = printable(shown(fields[index] ?? null, column) ?? 'NULL').split('\n')
      for (const [number, line] of lines.entries())
        text += `${(number === 0 ? column.name : '').padEnd(this.#width)} | ${line}`.trimEnd() + '\n'
    }
    return text
  }

  end(): string {
    return `(${this.#count} ${this.#count === 1 ? 'row' : 'rows'})\n`
  }
}
