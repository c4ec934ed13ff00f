// The strongest check: rows are applied to a scratch copy in the order of their timestamps as resolved messages allow,
// and after every transaction, before every next one, and at every resolved timestamp the copy must have the fingerprint
// that the table had at that time. A message that is missing, late, wrong or doubled with another content shows.
//
// A backfill repeats rows that nobody has written, with other columns, and a DDL without one does not: fingerprints are of
// the rows as they were written last, so neither changes them (backfill.ts judges those messages).

import { compareHlc, earlierHlc, formatHlc, prevHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
import type { TimedHistory } from '../history/history.ts'
import { fingerprintText, rowHash, type Row } from '../history/table-history.ts'
import { canonicalText, isObject, parseMessage } from '../history/json-text.ts'
import { isRow, readKey } from './time-travel.ts'
import type { RowNote, Validator } from './validator.ts'

export interface FingerprintOptions {
  readonly history: TimedHistory
  readonly table: string
  /** All partitions of the feed: only what every one of them has resolved is settled. */
  readonly partitions: readonly string[]
}

export class FingerprintValidator implements Validator {
  readonly #options: FingerprintOptions
  readonly #failures: string[] = []
  readonly #partitionResolved = new Map<string, Hlc>()
  readonly #scratch = new Map<string, Row>()
  #sum = 0n
  #buffer: RowNote[] = []
  #resolved: Hlc = zeroHlc
  #firstRow: Hlc | undefined
  #previousRow: Hlc | undefined
  #lastChecked: Hlc | undefined

  constructor(options: FingerprintOptions) {
    this.#options = options
    for (const partition of options.partitions) this.#partitionResolved.set(partition, zeroHlc)
  }

  noteRow(row: RowNote): void {
    this.#firstRow = this.#firstRow === undefined ? row.updated : earlierHlc(this.#firstRow, row.updated)
    // Applied long ago: a repetition.
    if (compareHlc(row.updated, this.#resolved) <= 0) return
    this.#buffer.push(row)
  }

  noteResolved(partition: string, ts: Hlc): void {
    const known = this.#partitionResolved.get(partition)
    if (known === undefined) throw new Error(`unknown partition: ${partition}`)
    if (compareHlc(ts, known) <= 0) return
    this.#partitionResolved.set(partition, ts)
    const resolved = [...this.#partitionResolved.values()].reduce(earlierHlc)
    if (compareHlc(resolved, this.#resolved) <= 0) return
    this.#resolved = resolved

    this.#buffer.sort((a, b) => compareHlc(a.updated, b.updated))
    const settled = this.#buffer.findIndex(({ updated }) => compareHlc(updated, resolved) > 0)
    const rows = this.#buffer.splice(0, settled < 0 ? this.#buffer.length : settled)
    for (const [index, row] of rows.entries()) {
      // Something between this row and the one before it that never came shows here.
      if (this.#previousRow !== undefined && compareHlc(this.#previousRow, row.updated) < 0)
        this.#check(prevHlc(row.updated))
      this.#apply(row)
      const next = rows[index + 1]
      // All changes of one timestamp belong together.
      if (next === undefined || compareHlc(next.updated, row.updated) !== 0) this.#check(row.updated)
      this.#previousRow = row.updated
    }
    if (this.#firstRow === undefined || compareHlc(this.#firstRow, resolved) > 0) return
    if (this.#lastChecked === undefined || compareHlc(this.#lastChecked, resolved) !== 0) this.#check(resolved)
  }

  failures(): readonly string[] {
    return this.#failures
  }

  #apply({ key, value, updated }: RowNote): void {
    const { history, table } = this.#options
    const columns = history.keyColumns(table)
    const canonicalKey = canonicalText(readKey(key, columns))
    const after = parseMessage(value).get('after')
    if (!isObject(after)) {
      if (history.isWritten(table, canonicalKey, updated)) this.#set(canonicalKey, undefined)
      return
    }
    const keyOfRow = canonicalText(columns.map((name) => after.get(name) ?? null))
    if (keyOfRow !== canonicalKey)
      this.#failures.push(`key ${canonicalKey} did not match expected key ${keyOfRow} for value ${value}`)
    if (!history.isWritten(table, canonicalKey, updated)) return
    // A row from before a DDL of its transaction counts as what it has become.
    const is = isRow(after, history.beforeDdl(table, canonicalKey, updated))
      ? history.rowAt(table, canonicalKey, updated)
      : new Map([...after].map(([name, member]) => [name, canonicalText(member)]))
    this.#set(canonicalKey, is)
  }

  #set(key: string, row: Row | undefined): void {
    const old = this.#scratch.get(key)
    if (old !== undefined) this.#sum -= rowHash(key, old)
    this.#scratch.delete(key)
    if (row === undefined) return
    this.#sum += rowHash(key, row)
    this.#scratch.set(key, row)
  }

  #check(ts: Hlc): void {
    this.#lastChecked = ts
    const expected = this.#options.history.fingerprintAt(this.#options.table, ts)
    const got = fingerprintText(this.#sum, this.#scratch.size)
    if (expected !== got) this.#failures.push(`fingerprints did not match at ${formatHlc(ts)}: ${expected} vs ${got}`)
  }
}
