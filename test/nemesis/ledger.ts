// What the only writer of a table has written, by a number of each write, held against what came: of every committed
// transaction each row once per key that it was written under, as it was last; of others nothing; one timestamp for a
// transaction; and the versions of a key in their order. A backfill shows rows again at the time of a schema change, as they
// are then: under the key and with the columns of that time.

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
  changesSchema: boolean
  at?: Hlc
}

export class Ledger {
  readonly #writes = new Map<number, Write>()
  readonly #transactions: Transaction[] = []
  #open: Transaction = { last: new Map(), isCommitted: false, changesSchema: false }
  /** The number of the last write; it stands in the column `s`. */
  last = 0

  begin(): void {
    this.#open = { last: new Map(), isCommitted: false, changesSchema: false }
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

  /** The transaction changes the table as well. */
  schemaChanged(): void {
    this.#open.changesSchema = true
  }

  committed(): void {
    this.#open.isCommitted = true
  }

  get count(): number {
    return this.#transactions.filter(({ isCommitted }) => isCommitted).length
  }

  /** `backfills`: at whose schema changes rows may come again; those of the ledger's transactions, or anybody's. */
  judge(rows: readonly RowNote[], backfills: 'none' | 'own' | 'any'): readonly string[] {
    const failures: string[] = []
    const seen = new Set<number>()
    const newest = new Map<string, number>()
    const repeatedAt = new Map<string, number>()
    for (const { key, value, updated } of rows) {
      const shown = value.length > 300 ? `${value.slice(0, 300)}…` : value
      const after = parseMessage(value).get('after')
      const s = isObject(after) ? Number(canonicalText(after.get('s') ?? null)) : Number.NaN
      const write = this.#writes.get(s)
      if (write === undefined || !isObject(after)) {
        failures.push(`nobody wrote ${shown}`)
        continue
      }
      const { transaction } = write
      const faults = [...faultsOf({ s, write, after, key, updated, shown })]
      if (faults.length > 0 && backfills !== 'none' && mayBeRepeated(transaction, updated)) {
        repeatedAt.set(formatHlc(updated), s)
        continue
      }
      failures.push(...faults)
      transaction.at = updated
      // What was seen before may come again.
      if (!seen.has(s) && s < (newest.get(write.key) ?? 0))
        failures.push(`write ${s} of ${write.key} came behind a later one`)
      newest.set(write.key, Math.max(s, newest.get(write.key) ?? 0))
      seen.add(s)
    }
    if (backfills === 'own') failures.push(...this.#strangeBackfills(repeatedAt))
    for (const { last, isCommitted } of this.#transactions) {
      if (!isCommitted) continue
      for (const [key, s] of last) if (!seen.has(s)) failures.push(`write ${s} of ${key} was committed and is missing`)
    }
    return failures
  }

  *#strangeBackfills(repeatedAt: ReadonlyMap<string, number>): Iterable<string> {
    const known = new Set(
      this.#transactions.flatMap(({ changesSchema, isCommitted, at }) =>
        changesSchema && isCommitted && at !== undefined ? [formatHlc(at)] : [],
      ),
    )
    for (const [at, s] of repeatedAt)
      if (!known.has(at)) yield `write ${s} came again at ${at}, and no schema change is known at that time`
  }
}

interface Came {
  readonly s: number
  readonly write: Write
  readonly after: ReadonlyMap<string, JsonValue>
  readonly key: string
  readonly updated: Hlc
  readonly shown: string
}

function* faultsOf({ s, write, after, key, updated, shown }: Came): Iterable<string> {
  const { transaction } = write
  if (!transaction.isCommitted) yield `write ${s} was rolled back and came: ${shown}`
  if (canonicalText(parseJson(key)) !== write.key) yield `write ${s} was under ${write.key} and came under ${key}`
  if (transaction.last.get(write.key) !== s) yield `write ${s} is not the last of its transaction and came`
  for (const [name, json] of Object.entries(write.row)) {
    if (canonicalText(memberAt(after, name)) !== json)
      yield `write ${s} has ${name} ${json.slice(0, 100)} and came as ${shown}`
  }
  if (transaction.at !== undefined && compareHlc(transaction.at, updated) !== 0)
    yield `write ${s} came at ${formatHlc(updated)}, others of its transaction at ${formatHlc(transaction.at)}`
}

/** A backfill of a later change comes behind the write, that of the write's own transaction before it. */
function mayBeRepeated({ isCommitted, changesSchema, at }: Transaction, updated: Hlc): boolean {
  if (!isCommitted) return false
  if (at === undefined) return changesSchema
  const order = compareHlc(updated, at)
  return order > 0 || (order === 0 && changesSchema)
}

function memberAt(row: JsonValue, path: string): JsonValue {
  return path.split('.').reduce<JsonValue>((value, name) => (isObject(value) ? (value.get(name) ?? null) : null), row)
}
