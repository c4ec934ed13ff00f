// What a message says of its row is what the table held at that time: `after` at the message's timestamp, `before` just
// below it. The table's past comes from the reference history.
//
// CockroachDB's validator accepts a missing `before` until the first resolved message, for the rows of the initial scan.
// Here only rows of the scan may have none, which `scanTs` names.

import { compareHlc, formatHlc, type Hlc } from '../../src/core/hlc.ts'
import type { TimedHistory } from '../history/history.ts'
import type { Row } from '../history/table-history.ts'
import { canonicalText, isObject, parseJson, parseMessage, type JsonValue } from '../history/json-text.ts'
import type { RowNote, Validator } from './validator.ts'

export interface TimeTravelOptions {
  readonly history: TimedHistory
  readonly table: string
  /** Whether the feed is WITH diff. */
  readonly diff: boolean
  readonly scanTs: Hlc | undefined
  /** Whether columns of a `before` whose values are not known are null, not left out, as in Avro. */
  readonly hasNulls?: boolean
}

interface Check {
  readonly field: string
  readonly at: string
  readonly got: JsonValue | undefined
  readonly expected: Row | undefined
  /** The very same columns. A row from before an ALTER TABLE has the old ones, however it is shown later. */
  readonly exact: boolean
  /** Columns that are compared; undefined: all. */
  readonly names: ReadonlySet<string> | undefined
}

/** A row that was written before a DDL of its transaction may have the columns of its writing: that is all that the WAL says. */
export class TimeTravelValidator implements Validator {
  readonly #options: TimeTravelOptions
  readonly #failures: string[] = []

  constructor(options: TimeTravelOptions) {
    this.#options = options
  }

  noteRow({ key, value, updated }: RowNote): void {
    const { history, table, diff, scanTs } = this.#options
    const canonicalKey = canonicalText(readKey(key, history.keyColumns(table)))
    const message = parseMessage(value)
    const at = formatHlc(updated)
    const after = history.rowAt(table, canonicalKey, updated)
    const got = message.get('after')
    if (!isRow(got, history.beforeDdl(table, canonicalKey, updated)))
      this.#check({ field: 'after', at, got, expected: after, exact: true, names: undefined })
    if (!diff) {
      if (message.has('before'))
        throw new Error(`expected before to be nil, got ${canonicalText(message.get('before') ?? null)}`)
      return
    }
    const isScan = scanTs !== undefined && compareHlc(updated, scanTs) === 0
    if (isScan && (message.get('before') ?? null) === null) return
    this.#checkBefore(message.get('before'), canonicalKey, updated)
  }

  /** A row that a backfill repeats has a `before` like any other. The DDL may have changed how its columns print. */
  #checkBefore(before: JsonValue | undefined, key: string, updated: Hlc): void {
    const { history, table, hasNulls = false } = this.#options
    // A backfill takes a row that its transaction wrote before its DDL, and whose values the WAL lacks, for one that was there.
    const own = history.beforeDdl(table, key, updated)
    const isOwn = ([name, value]: readonly [string, JsonValue]): boolean =>
      own?.has(name) === true ? canonicalText(value) === own.get(name) : hasNulls && value === null
    if (own !== undefined && isObject(before) && [...before].every(isOwn)) return
    const mayLack = hasNulls && isObject(before) && (own !== undefined || !history.isWritten(table, key, updated))
    const isKnown = ([name, value]: readonly [string, JsonValue]): boolean =>
      value !== null || history.keyColumns(table).includes(name)
    const got = mayLack ? new Map([...before].filter(isKnown)) : before
    const expected = history.rowBefore(table, key, updated)
    const names = history.unchangedColumns(table, updated)
    this.#check({ field: 'before', at: formatHlc(updated), got, expected, exact: false, names })
  }

  noteResolved(): void {}

  failures(): readonly string[] {
    return this.#failures
  }

  #check({ field, at, got, expected, exact, names: judged }: Check): void {
    const fail = (): void => {
      const shown =
        expected === undefined ? 'no row' : `{${[...expected].map(([name, json]) => `${name}: ${json}`).join(', ')}}`
      this.#failures.push(
        `"${field}" field did not agree with row at ${at}: expected ${shown}, got ${canonicalText(got ?? null)}`,
      )
    }
    if (!isObject(got)) {
      if (got === undefined || expected !== undefined) fail()
      return
    }
    if (expected === undefined) return fail()
    const names = [...got.keys()].filter((name) => exact || (expected.has(name) && judged?.has(name) !== false))
    if (exact ? names.length !== expected.size : names.length === 0) return fail()
    if (names.some((name) => canonicalText(got.get(name) ?? null) !== expected.get(name))) fail()
  }
}

/** Whether it is the very same row. */
export function isRow(got: JsonValue | undefined, row: Row | undefined): boolean {
  if (row === undefined || !isObject(got) || got.size !== row.size) return false
  return [...got].every(([name, value]) => canonicalText(value) === row.get(name))
}

export function readKey(key: string, columns: readonly string[]): readonly JsonValue[] {
  const values = parseJson(key)
  if (!Array.isArray(values) || values.length !== columns.length) {
    throw new Error(`expected a key of ${columns.length} columns, got ${key}`)
  }
  return values as readonly JsonValue[]
}
