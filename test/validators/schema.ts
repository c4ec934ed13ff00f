// A row has the columns that its table had at the time of the message: the very same names, no older and no later ones. Only a
// row that was written before a DDL of its transaction may have those of its writing.

import { formatHlc } from '../../src/core/hlc.ts'
import type { TimedHistory } from '../history/history.ts'
import { canonicalText, isObject, parseJson, parseMessage } from '../history/json-text.ts'
import { isRow } from './time-travel.ts'
import type { RowNote, Validator } from './validator.ts'

export class SchemaValidator implements Validator {
  readonly #history: TimedHistory
  readonly #table: string
  readonly #failures: string[] = []

  constructor(history: TimedHistory, table: string) {
    this.#history = history
    this.#table = table
  }

  noteRow({ key, value, updated }: RowNote): void {
    const after = parseMessage(value).get('after')
    const columns = this.#history.columnsAt(this.#table, updated)
    if (!isObject(after) || columns === undefined) return
    const wanted = [...columns.keys()].sort().join(', ')
    const got = [...after.keys()].sort().join(', ')
    if (wanted === got || isRow(after, this.#history.beforeDdl(this.#table, canonicalText(parseJson(key)), updated)))
      return
    this.#failures.push(`${key} at ${formatHlc(updated)} has the columns ${got}, and its table had ${wanted}`)
  }

  noteResolved(): void {}

  failures(): readonly string[] {
    return this.#failures
  }
}
