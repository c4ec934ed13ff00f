// Keeps the latest schema and relation record of each relation, for preambles. A preamble comes before the block that is
// written next, so it may hold records that were written and none of the block that is still being built. Records
// therefore wait here until their block is written.

export interface KnownTable {
  schema?: Buffer
  relation?: Buffer
}

interface Waiting {
  readonly relid: number
  readonly kind: keyof KnownTable
  /** The bytes of the record; undefined if the table was dropped. */
  readonly body: Buffer | undefined
}

export class KnownTables {
  readonly #written: Map<number, KnownTable>
  /** Records of the block that is being built, in log order. */
  #waiting: Waiting[] = []
  /** How many of the waiting records lie in the block's complete part. */
  #completeCount = 0

  constructor(written: Map<number, KnownTable>) {
    this.#written = written
  }

  /** The tables that are known after the last written block. */
  get written(): ReadonlyMap<number, KnownTable> {
    return this.#written
  }

  /** Bytes of the records of `written`, including the length before each. */
  get bytes(): number {
    let sum = 0
    for (const { schema, relation } of this.#written.values())
      sum += (schema?.length ?? 0) + (relation?.length ?? 0) + 8
    return sum
  }

  /** The last schema or relation record of a table, written or waiting. */
  last(relid: number, kind: keyof KnownTable): Buffer | undefined {
    const waiting = this.#waiting.findLast((record) => record.relid === relid && record.kind === kind)
    return waiting === undefined ? this.#written.get(relid)?.[kind] : waiting.body
  }

  add(record: Waiting): void {
    this.#waiting.push(record)
  }

  /** Declares that all records noted so far belong to complete transactions. */
  complete(): void {
    this.#completeCount = this.#waiting.length
  }

  /** To be called when the complete part of the block has been written; the rest moves to the next block. */
  wroteComplete(): void {
    this.#settle(this.#completeCount)
  }

  /** To be called when the whole block has been written. */
  wroteAll(): void {
    this.#settle(this.#waiting.length)
  }

  #settle(count: number): void {
    this.#completeCount = 0
    if (count === 0) return
    for (const { relid, kind, body } of this.#waiting.slice(0, count)) {
      if (body === undefined) this.#written.delete(relid)
      else {
        const known = this.#written.get(relid) ?? {}
        known[kind] = body
        this.#written.set(relid, known)
      }
    }
    this.#waiting = this.#waiting.slice(count)
  }
}
