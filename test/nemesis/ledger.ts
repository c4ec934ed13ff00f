// What the only writer of a table has written, by a number of each write, held against what came: of every committed
// transaction each row once per key that it was written under, as it was last; of others nothing; one timestamp for a
// transaction; and the versions of a key in their order.

import { canonicalText, isObject, parseJson, parseMessage, type JsonValue } from '../history/json-text.ts'
import { compareHlc, formatHlc, type Hlc } from '../../src/core/hlc.ts'
import type { RowNote } from '../validators/validator.ts'

interface Write {
  readonly key: string
  readonly transaction: Transaction
  /** Members of the row that are compared, as JSON; `c.x` is the member x of the member c. */
  readonly row: Readonly<Record<string, string>>
}

interface Transaction {
  /** Key to the number of its last write. */
  readonly last: Map<string, number>
  isCommitted: boolean
  at?: Hlc
}

export class Ledger {
  readonly #writes = new Map<number, Write>()
  readonly #transactions: Transaction[] = []
  #open: Transaction = { last: new Map(), isCommitted: false }
  /** The number of the last write; it stands in the column `s`. */
  last = 0

  begin(): void {
    this.#open = { last: new Map(), isCommitted: false }
    this.#transactions.push(this.#open)
  }

  /** A number for the next write. */
  next(): number {
    return ++this.last
  }

  write(s: number, key: string, row: Readonly<Record<string, string>>): void {
    this.#writes.set(s, { key, transaction: this.#open, row })
    this.#open.last.set(key, s)
  }

  committed(): void {
    this.#open.isCommitted = true
  }

  get count(): number {
    return this.#transactions.filter(({ isCommitted }) => isCommitted).length
  }

  judge(rows: readonly RowNote[], isTopic: (topic: string) => boolean): readonly string[] {
    const failures: string[] = []
    const seen = new Map<number, Hlc>()
    const newest = new Map<string, number>()
    for (const { topic, key, value, updated } of rows) {
      if (!isTopic(topic)) continue
      const shown = value.length > 300 ? `${value.slice(0, 300)}…` : value
      const after = parseMessage(value).get('after')
      const s = isObject(after) ? Number(canonicalText(after.get('s') ?? null)) : Number.NaN
      const write = this.#writes.get(s)
      if (write === undefined || !isObject(after)) {
        failures.push(`nobody wrote ${shown}`)
        continue
      }
      const { transaction } = write
      if (!transaction.isCommitted) failures.push(`write ${s} was rolled back and came: ${shown}`)
      if (canonicalText(parseJson(key)) !== write.key)
        failures.push(`write ${s} was under ${write.key} and came under ${key}`)
      if (transaction.last.get(write.key) !== s) failures.push(`write ${s} is not the last of its transaction and came`)
      for (const [name, json] of Object.entries(write.row)) {
        if (canonicalText(memberAt(after, name)) !== json)
          failures.push(`write ${s} has ${name} ${json.slice(0, 100)} and came as ${shown}`)
      }
      if (transaction.at !== undefined && compareHlc(transaction.at, updated) !== 0)
        failures.push(
          `write ${s} came at ${formatHlc(updated)}, others of its transaction at ${formatHlc(transaction.at)}`,
        )
      transaction.at = updated
      // What was seen before may come again.
      if (!seen.has(s) && s < (newest.get(write.key) ?? 0))
        failures.push(`write ${s} of ${write.key} came behind a later one`)
      newest.set(write.key, Math.max(s, newest.get(write.key) ?? 0))
      seen.set(s, updated)
    }
    for (const { last, isCommitted } of this.#transactions) {
      if (!isCommitted) continue
      for (const [key, s] of last) if (!seen.has(s)) failures.push(`write ${s} of ${key} was committed and is missing`)
    }
    return failures
  }
}

function memberAt(row: JsonValue, path: string): JsonValue {
  return path.split('.').reduce<JsonValue>((value, name) => (isObject(value) ? (value.get(name) ?? null) : null), row)
}
