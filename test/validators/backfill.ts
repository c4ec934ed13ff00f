// What a schema change at S makes of a feed. With the policy `backfill`, every row that the table had at S comes again with
// the columns of S and the time S, before S is resolved. A row may be missing only where the changelog cannot know it: when it
// was written again before its page was read, and the log does not hold old values; or when the next schema change was made
// by then, and took the columns away. With any other policy, and at a DDL that is no schema change, nothing comes that the
// transaction has not written. The moment before S is resolved, for the policies that announce a change.
//
// What the rows hold, and with which columns, is judged by TimeTravelValidator and SchemaValidator.

import { compareHlc, formatHlc, prevHlc, type Hlc } from '../../src/core/hlc.ts'
import { canonicalText, parseJson } from '../history/json-text.ts'
import { speaksOf } from '../history/schema-ledger.ts'
import type { TimedSchema, TransactionTimes } from '../history/transaction-times.ts'
import type { RowNote, Validator } from './validator.ts'

export interface SchemaOptions {
  readonly events: 'default' | 'column_changes'
  readonly policy: 'backfill' | 'nobackfill' | 'stop' | 'ignore'
}

export interface BackfillOptions extends SchemaOptions {
  readonly times: TransactionTimes
  readonly table: string
  readonly partitions: readonly string[]
}

interface ResolvedNote {
  readonly partition: string
  readonly ts: Hlc
  readonly cameAt: bigint
}

export class BackfillValidator implements Validator {
  readonly #options: BackfillOptions
  readonly #changes: readonly TimedSchema[]
  /** Keys that came at the time of a change. */
  readonly #came = new Map<string, Set<string>>()
  readonly #resolved: ResolvedNote[] = []
  readonly #resolvedAt = new Map<string, Set<string>>()
  /** Rows of backfills, and rows that were not repeated and need not be. */
  repeated = 0
  excused = 0
  /** Backfills of which something came. */
  backfills = 0

  constructor(options: BackfillOptions) {
    this.#options = options
    this.#changes = options.times.schemaChanges(options.table)
    for (const { ts } of this.#changes) if (ts !== undefined) this.#came.set(formatHlc(ts), new Set())
    for (const partition of options.partitions) this.#resolvedAt.set(partition, new Set())
  }

  /** Whether a backfill may come with this time. */
  isAt(ts: string): boolean {
    if (this.#options.policy !== 'backfill') return false
    const change = this.#changes.find((candidate) => candidate.ts !== undefined && formatHlc(candidate.ts) === ts)
    return change !== undefined && speaksOf(this.#options.events, change.reach) !== 'no'
  }

  noteRow({ key, updated }: RowNote): void {
    this.#came.get(formatHlc(updated))?.add(canonicalText(parseJson(key)))
  }

  noteResolved(partition: string, ts: Hlc, cameAt = 0n): void {
    this.#resolvedAt.get(partition)?.add(formatHlc(ts))
    this.#resolved.push({ partition, ts, cameAt })
  }

  failures(): readonly string[] {
    this.repeated = this.excused = this.backfills = 0
    const { events, policy } = this.#options
    return this.#changes.flatMap((change, index) => {
      const speaks = speaksOf(events, change.reach)
      const over = this.#over(change)
      // The feed may not have come so far.
      if (speaks === 'no' || over === undefined) return []
      const failures = speaks === 'yes' ? this.#boundary(change) : []
      if (policy === 'backfill')
        failures.push(...this.#backfill(change, { over, later: this.#changes.slice(index + 1), speaks }))
      return failures
    })
  }

  #boundary({ ts, position }: TimedSchema): string[] {
    const { policy } = this.#options
    if (ts === undefined || (policy !== 'backfill' && policy !== 'stop')) return []
    const before = formatHlc(prevHlc(ts))
    return [...this.#resolvedAt].flatMap(([partition, resolved]) =>
      resolved.has(before)
        ? []
        : [
            `the schema change ${position} is at ${formatHlc(ts)}, and ${before} was not resolved in partition "${partition}"`,
          ],
    )
  }

  #backfill(
    { ts, position, keys, isFull }: TimedSchema,
    { over, later, speaks }: { over: bigint; later: readonly TimedSchema[]; speaks: 'yes' | 'perhaps' },
  ): string[] {
    const { times, table, events } = this.#options
    const came = ts === undefined ? undefined : this.#came.get(formatHlc(ts))
    const strange = [...(came ?? [])].filter((key) => !keys.has(key) && !times.isWritten(table, key, ts as Hlc))
    const failures = strange.map(
      (key) => `the backfill at ${formatHlc(ts as Hlc)} has ${key}, and there was no such row`,
    )
    const isNextMade = later.some(
      (next) => speaksOf(events, next.reach) !== 'no' && times.commitWall(next.position) <= over,
    )
    let repeated = 0
    const missing: string[] = []
    for (const key of keys) {
      if (came?.has(key) === true) repeated += 1
      else if (speaks === 'perhaps' || isNextMade) this.excused += 1
      else if (!isFull && (times.nextWrite(table, key, position) ?? over + 1n) <= over) this.excused += 1
      else missing.push(key)
    }
    this.repeated += repeated
    if (repeated > 0) this.backfills += 1
    if (missing.length > 0) {
      const when = ts === undefined ? 'of an unknown time' : `at ${formatHlc(ts)}`
      failures.push(
        `the backfill of schema change ${position} ${when} has ${repeated} of ${keys.size} rows, and lacks ${missing.slice(0, 5).join(' ')}`,
      )
    }
    return failures
  }

  /** When the last partition said that the change is resolved. */
  #over({ ts, position }: TimedSchema): bigint | undefined {
    const least = ts ?? this.#options.times.timeAfter(position)
    if (least === undefined) return undefined
    const first = new Map<string, bigint>()
    for (const note of this.#resolved)
      if (!first.has(note.partition) && compareHlc(note.ts, least) >= 0) first.set(note.partition, note.cameAt)
    if (first.size < this.#options.partitions.length) return undefined
    return [...first.values()].reduce((a, b) => (a > b ? a : b))
  }
}
