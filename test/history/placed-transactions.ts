// Which timestamp the product gave to which transaction of the reference history.
//
// Commit times cannot tell: they are not unique, they run backwards between concurrent transactions, and the product
// pushes them upward when they do. Counting ("the k-th timestamp is the k-th transaction") breaks as soon as one
// transaction is missing, which is the very thing to be found. So every transaction of a workload writes one row with
// a number of its own into the table `txn_tags`, watched by the same feed: its message says exactly which transaction
// a timestamp belongs to, and the reference history says at which position in commit order that transaction is.
//
// What has to hold, and is reported here when it does not: the tags of an initial scan are a prefix of commit order
// (the cut is exact, across tables); after it every transaction comes, none is passed over; timestamps grow strictly
// with commit order and never lie below the commit time; a transaction never comes back under another timestamp.
//
// A transaction of DDL alone has no tag, and no message need say when it was. If there are messages whose time lies between
// those of its neighbours, as those of a backfill, they say it, and must all say the same.

import { compareHlc, formatHlc, type Hlc } from '../../src/core/hlc.ts'
import type { RowNote } from '../validators/validator.ts'
import type { History, HistoryTransaction } from './history.ts'

export const tagTable = 'txn_tags'

export interface Moment {
  readonly ts: Hlc
  /** Position of the last transaction at or below `ts`. */
  readonly position: number
}

export interface TimesOptions {
  /** Whether the notes begin with an initial scan. */
  readonly initialScan: boolean
  /** Everything at or below it must have arrived. */
  readonly resolved: Hlc
}

export class PlacedTransactions {
  readonly moments: Moment[] = []
  readonly failures: string[] = []
  /** The timestamp of the initial scan. */
  scanTs: Hlc | undefined
  readonly #history: History

  constructor(history: History, notes: readonly RowNote[], options: TimesOptions) {
    this.#history = history
    const byTag = new Map<string, HistoryTransaction>()
    for (const transaction of history.transactions) {
      const tags = transaction.touched.get(tagTable)
      if (isUntagged(transaction)) continue
      if (tags?.size !== 1) throw new Error(`transaction ${transaction.xid} wrote ${tags?.size ?? 0} tags, not one`)
      for (const tag of tags.keys()) byTag.set(tag, transaction)
    }

    const times = new Map<HistoryTransaction, Hlc>()
    for (const note of notes) {
      if (note.topic !== tagTable) continue
      const transaction = byTag.get(note.key)
      if (transaction === undefined) {
        this.failures.push(`tag ${note.key} arrived and no committed transaction wrote it`)
        continue
      }
      const known = times.get(transaction)
      if (known !== undefined && compareHlc(known, note.updated) !== 0) {
        this.failures.push(
          `transaction ${transaction.position} came at ${formatHlc(known)} and again at ${formatHlc(note.updated)}`,
        )
        continue
      }
      times.set(transaction, note.updated)
    }
    this.#order(times, options)
    this.#placeUntagged(notes)
  }

  /** Gives transactions of DDL alone the time of the messages between their neighbours. */
  #placeUntagged(notes: readonly RowNote[]): void {
    const known = new Set(this.moments.map(({ ts }) => formatHlc(ts)))
    const others = new Map<string, Hlc>()
    for (const { updated } of notes) {
      const text = formatHlc(updated)
      if (!known.has(text)) others.set(text, updated)
    }
    const unplaced = [...others.values()].sort(compareHlc)
    for (const { position } of this.#history.transactions.filter(isUntagged)) {
      const index = this.moments.findIndex((moment) => moment.position >= position)
      const before = this.moments[index - 1]
      const next = this.moments[index]
      if (before === undefined || next === undefined) continue
      const between = unplaced.filter((ts) => compareHlc(ts, before.ts) > 0 && compareHlc(ts, next.ts) < 0)
      if (between.length > 1)
        this.failures.push(`transaction ${position} of DDL has several times: ${between.map(formatHlc).join(', ')}`)
      if (between[0] !== undefined) this.moments.splice(index, 0, { ts: between[0], position })
    }
  }

  #order(times: ReadonlyMap<HistoryTransaction, Hlc>, { initialScan, resolved }: TimesOptions): void {
    const inOrder = [...times].sort(([a], [b]) => a.position - b.position)
    const first = inOrder[0]
    if (first === undefined) return
    const scanTs = initialScan ? first[1] : undefined
    this.scanTs = scanTs
    const untagged = new Set(this.#history.transactions.filter(isUntagged).map(({ position }) => position))
    if (initialScan && first[0].position !== 1)
      this.failures.push(`the initial scan misses transactions 1 to ${first[0].position - 1}`)

    let last = first[0].position - 1
    for (const [transaction, ts] of inOrder) {
      while (untagged.has(last + 1) && last + 1 < transaction.position) last += 1
      if (transaction.position !== last + 1) {
        this.failures.push(
          `transactions ${last + 1} to ${transaction.position - 1} are missing before ${formatHlc(ts)}`,
        )
      }
      last = transaction.position
      const before = this.moments.at(-1)
      if (before !== undefined && scanTs !== undefined && compareHlc(ts, scanTs) === 0) {
        if (compareHlc(before.ts, ts) !== 0)
          this.failures.push(`the initial scan holds transaction ${transaction.position} and not one before it`)
        this.moments.pop()
      } else if (before !== undefined && compareHlc(ts, before.ts) <= 0) {
        this.failures.push(
          `transaction ${transaction.position} at ${formatHlc(ts)} committed after transaction ${before.position} at ${formatHlc(before.ts)}`,
        )
        continue
      }
      if (ts.wall < transaction.commitWall && (scanTs === undefined || compareHlc(ts, scanTs) !== 0)) {
        this.failures.push(
          `transaction ${transaction.position} at ${formatHlc(ts)} committed later, at ${transaction.commitWall}`,
        )
      }
      this.moments.push({ ts, position: transaction.position })
    }
    for (const { position, commitWall } of this.#history.transactions.slice(last)) {
      if (untagged.has(position)) continue
      // A transaction cannot have got a timestamp below its commit time, so a later one may still be under way.
      if (commitWall <= resolved.wall && !this.#mayBeLater(position, resolved)) {
        this.failures.push(
          `transaction ${position}, committed at ${commitWall}, is missing at the resolved ${formatHlc(resolved)}`,
        )
      }
    }
  }

  /** Pushed upward: a commit time at or below `resolved` with a timestamp above it. Told apart by a margin. */
  #mayBeLater(position: number, resolved: Hlc): boolean {
    const transaction = this.#history.transactions[position - 1] as HistoryTransaction
    return resolved.wall - transaction.commitWall < pushMarginNanos
  }
}

function isUntagged({ hasSchema, touched }: HistoryTransaction): boolean {
  return hasSchema && !touched.has(tagTable)
}

/** The product's closed timestamps lag by 100 ms by default; commit times run backwards by a few milliseconds. */
const pushMarginNanos = 1_000_000_000n
