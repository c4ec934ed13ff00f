// Turns rows that were logged with one relation into rows of another relation: of the one that their table has at the end of the
// transaction, or had before it.

import type { RelationSchema } from '../../core/relation.ts'
import { kind, RowView } from '../../core/row-view.ts'

/** Where the value of a column comes from: an index into the row that was logged, or a text; null: the value is NULL. */
export type ValueSource = number | string | null

export class RowConversion {
  readonly relation: RelationSchema
  /** One for each column of the relation. */
  readonly #sources: readonly ValueSource[]
  /** The texts of the sources, one behind the other. */
  readonly #texts: Buffer
  readonly #row = new RowView()
  #bytes: Buffer = Buffer.alloc(0)

  constructor(relation: RelationSchema, sources: readonly ValueSource[]) {
    this.relation = relation
    this.#sources = sources
    this.#texts = Buffer.from(sources.filter((source) => typeof source === 'string').join(''))
  }

  /** Returns the row of the relation, which is valid until the next call. */
  of(logged: RowView): RowView {
    const sources = this.#sources
    const row = this.#row
    row.reset(sources.length)
    row.relation = this.relation
    const start = this.#hasTexts ? startOf(logged) : 0
    row.bytes = this.#hasTexts ? this.#withTexts(logged, start) : logged.bytes
    let text = row.bytes.length - this.#texts.length
    for (let i = 0; i < sources.length; i++) {
      const source = sources[i] as ValueSource
      if (typeof source === 'number') {
        row.kinds[i] = logged.kinds[source] as number
        row.starts[i] = (logged.starts[source] as number) - start
        row.ends[i] = (logged.ends[source] as number) - start
      } else {
        row.kinds[i] = source === null ? kind.null : kind.text
        row.starts[i] = text
        if (source !== null) text += Buffer.byteLength(source)
        row.ends[i] = text
      }
    }
    return row
  }

  get #hasTexts(): boolean {
    return this.#texts.length > 0
  }

  /** Returns the bytes of the row from `start` on, followed by the texts. */
  #withTexts(logged: RowView, start: number): Buffer {
    const length = Math.max(0, endOf(logged) - start)
    const needed = length + this.#texts.length
    if (needed > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(needed)
    logged.bytes.copy(this.#bytes, 0, start, start + length)
    this.#texts.copy(this.#bytes, length)
    return this.#bytes.subarray(0, needed)
  }
}

/** The values need not lie in the order of the columns: those that an update has not sent come from the old row before it. */
function startOf({ starts, count }: RowView): number {
  let start = Infinity
  for (let i = 0; i < count; i++) start = Math.min(start, starts[i] as number)
  return start === Infinity ? 0 : start
}

function endOf({ ends, count }: RowView): number {
  let end = 0
  for (let i = 0; i < count; i++) end = Math.max(end, ends[i] as number)
  return end
}
