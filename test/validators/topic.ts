// Every row message names the table as the feed was told to: `table`, or with full_table_name `database.schema.table`.

import type { RowNote, Validator } from './validator.ts'

export interface TopicOptions {
  readonly table: string
  /** Of a feed WITH full_table_name. */
  readonly database?: string
  readonly schema?: string
}

export class TopicValidator implements Validator {
  readonly #expected: string
  readonly #failures: string[] = []

  constructor(options: TopicOptions) {
    const { table, database, schema } = options
    this.#expected = database === undefined ? table : `${database}.${schema ?? 'public'}.${table}`
  }

  noteRow({ topic }: RowNote): void {
    if (topic !== this.#expected) {
      this.#failures.push(`topic ${topic} does not match expected table ${this.#expected}`)
    }
  }

  noteResolved(): void {}

  failures(): readonly string[] {
    return this.#failures
  }
}
