// Every row that a transaction changed comes once with the transaction's timestamp, and no other row does. Delivery may
// repeat a message; it must then be the same. A row that a transaction made and removed again may come or not. What a backfill
// repeats is another matter (backfill.ts).
// CockroachDB has no such validator: its fingerprints see what a missing message leads to, not each one.

import { compareHlc, formatHlc, type Hlc } from '../../src/core/hlc.ts'
import type { TransactionTimes } from '../history/transaction-times.ts'
import { canonicalText, parseJson, parseMessage } from '../history/json-text.ts'
import type { RowNote, Validator } from './validator.ts'

export class CompletenessValidator implements Validator {
  readonly #times: TransactionTimes
  readonly #table: string
  readonly #failures: string[] = []
  /** Timestamp → key → value. */
  readonly #came = new Map<string, Map<string, string>>()
  readonly #backfills: { isAt(ts: string): boolean } | undefined
  #resolved: Hlc | undefined

  /** `backfills`: judges the messages at the times of its backfills. Without it there may be none. */
  constructor(times: TransactionTimes, table: string, backfills?: { isAt(ts: string): boolean }) {
    this.#times = times
    this.#table = table
    this.#backfills = backfills
  }

  noteRow({ key, value, updated }: RowNote): void {
    const ts = formatHlc(updated)
    let keys = this.#came.get(ts)
    if (keys === undefined) this.#came.set(ts, (keys = new Map()))
    const canonicalKey = canonicalText(parseJson(key))
    const known = keys.get(canonicalKey)
    if (known !== undefined && known !== value && !this.#isSameAtChange(canonicalKey, [known, value], updated)) {
      this.#failures.push(`key ${key} came twice at ${ts} with different values: ${known} and ${value}`)
    }
    keys.set(canonicalKey, value)
  }

  /**
   * A backfill shows the same row as the transaction of its DDL, and perhaps less of how it was before. TimeTravelValidator
   * judges both.
   */
  #isSameAtChange(key: string, [a, b]: readonly [string, string], updated: Hlc): boolean {
    if (!this.#times.isChange(this.#table, updated)) return false
    if (this.#times.beforeDdl(this.#table, key, updated) !== undefined) return true
    const [one, other] = [a, b].map((value) => canonicalText(parseMessage(value).get('after') ?? null))
    return one === other
  }

  noteResolved(_partition: string, ts: Hlc): void {
    if (this.#resolved === undefined || compareHlc(ts, this.#resolved) > 0) this.#resolved = ts
  }

  /** Call when the stream is over. */
  failures(): readonly string[] {
    return [...this.#failures, ...this.#missing(), ...this.#strange()]
  }

  *#missing(): Iterable<string> {
    for (const { ts, transaction } of this.#times.streamed) {
      if (this.#resolved === undefined || compareHlc(ts, this.#resolved) > 0) continue
      const came = this.#came.get(formatHlc(ts))
      for (const [key, { existedBefore, existsAfter }] of transaction.touched.get(this.#table) ?? []) {
        if ((existedBefore || existsAfter) && came?.has(key) !== true) {
          yield `transaction ${transaction.position} at ${formatHlc(ts)} changed ${key} and no message says so`
        }
      }
    }
  }

  *#strange(): Iterable<string> {
    const touched = new Map(
      this.#times.streamed.map(({ ts, transaction }) => [formatHlc(ts), transaction.touched.get(this.#table)]),
    )
    for (const [ts, keys] of this.#came) {
      if (this.#times.scanTs !== undefined && ts === formatHlc(this.#times.scanTs)) continue
      if (this.#backfills?.isAt(ts) === true) continue
      for (const key of keys.keys()) {
        if (touched.get(ts)?.has(key) !== true)
          yield `a message for ${key} at ${ts}, and no transaction at that time changed it`
      }
    }
  }
}
