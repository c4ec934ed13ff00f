// What the only writer of a table has written, by a number of each write, held against what came: of every committed
// transaction each row once per key that it was written under, as it was last; of others nothing; one timestamp for a
// transaction; and the versions of a key in their order. A backfill shows rows again at the time of a schema change, as they
// are then: under the key and with the columns of that time.

import { canonicalText, isObject, parseJson, parseMessage, type JsonValue } from '../history/json-text.ts'
import { compareHlc, formatHlc, type Hlc } from '../../src/core/hlc.ts'
import type { RowNote } from '../validators/validator.ts'

interface Write {
  key: string
  readonly transaction: Transaction
  /** Members of the row that are compared, as JSON, some of them as what they may be; `c.x` is the member x of the member c. */
  row: Readonly<Record<string, string | readonly string[]>>
}

interface Transaction {
  /** Key to the number of its last write. */
  last: Map<string, number>
  /** Writes that were the last of their row when the key became another one. They come, also if the row was written again. */
  readonly beforeMove: Set<number>
  /** Writes that were the last of their row at a change of the schema. A later write may take the place of a backfill. */
  readonly readAgain: Set<number>
  isCommitted: boolean
  changesSchema: boolean
  at?: Hlc
}

export class Ledger {
  readonly #writes = new Map<number, Write>()
  readonly #transactions: Transaction[] = []
  #open: Transaction = newTransaction()
  /** The number of the last write; it stands in the column `s`. */
  last = 0

  begin(): void {
    this.#open = newTransaction()
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

  /** The transaction changes the table as well. What it has written before may have to be read again. */
  schemaChanged(): void {
    this.#open.changesSchema = true
    for (const s of this.#open.last.values()) this.#open.readAgain.add(s)
  }

  /** The transaction gives columns that it has written other names, or drops them. */
  renamed(change: (row: Write['row']) => Write['row']): void {
    for (const s of this.#open.last.values()) {
      const write = this.#writes.get(s) as Write
      write.row = change(write.row)
    }
  }

  /** The transaction gives the table another key. What it has written before comes under that. */
  moved(keyOf: (key: string) => string): void {
    const { last, beforeMove } = this.#open
    this.#open.last = new Map()
    for (const [key, s] of last) {
      const write = this.#writes.get(s) as Write
      write.key = keyOf(key)
      beforeMove.add(s)
      this.#open.last.set(write.key, s)
    }
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
    for (const { last, isCommitted, readAgain } of this.#transactions) {
      if (!isCommitted) continue
      for (const [key, s] of last) {
        if (!seen.has(s) && !(backfills !== 'none' && readAgain.has(s)))
          failures.push(`write ${s} of ${key} was committed and is missing`)
      }
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

function newTransaction(): Transaction {
  return { last: new Map(), beforeMove: new Set(), readAgain: new Set(), isCommitted: false, changesSchema: false }
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
  if (transaction.last.get(write.key) !== s && !transaction.beforeMove.has(s))
    yield `write ${s} is not the last of its transaction and came`
  for (const [name, json] of Object.entries(write.row)) {
    const is = canonicalText(memberAt(after, name))
    if (typeof json === 'string' ? is !== json : !json.includes(is))
      yield `write ${s} has ${name} ${String(json).slice(0, 100)} and came as ${shown}`
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
