// Puts one pgoutput message (protocol 1) into the log. Rows go in as they came; only what ingest must know is read:
//   B  u64 commit LSN, i64 commit time (µs since 2000), u32 xid
//   C  u8 flags, u64 commit LSN, u64 end LSN, i64 commit time
//   R  u32 relation, …        I, U, D  u32 relation, …
//   T  u32 n, u8 options, n × u32 relation
//   M  a logical message, which anybody may write: skipped
// A transaction that the log already holds (the server sends again what was not confirmed) is dropped by its commit LSN.

import { readInt64, readUint64 } from '../bytes/int64.ts'
import { ownXid, truncatedRelations } from '../changelog/records.ts'
import { nextHlc } from '../core/hlc.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { Lsn } from '../core/lsn.ts'
import type { ChangelogWriter } from '../changelog/changelog.ts'
import type { SourceClock } from './clock-probe.ts'
import type { HistoryCheck } from './history-check.ts'
import { DescriptionRows } from './description-rows.ts'
import { stampTransaction } from './stamp.ts'

const letter = { B: 0x42, C: 0x43, R: 0x52, I: 0x49, U: 0x55, D: 0x44, T: 0x54, M: 0x4d, O: 0x4f, Y: 0x59 } as const

/** Later than any time that a clock shows, so that the clock is read. */
const never = 1n << 62n

/** `bytes[start, end)` is one message. */
export type ApplyMessage = (bytes: Buffer, start: number, end: number) => void

export interface ApplierOptions {
  readonly writer: ChangelogWriter
  readonly history: HistoryCheck
  readonly clock: Pick<SourceClock, 'readFor'>
  /** Called for a row that should describe a table and does not. */
  readonly warn: (why: string) => void
}

export class MessageApplier {
  readonly #writer: ChangelogWriter
  readonly #descriptions: DescriptionRows
  readonly #history: HistoryCheck
  readonly #clock: Pick<SourceClock, 'readFor'>
  #skipping = false
  /** Relations whose rows of the open transaction are left out, and why. */
  #ends: { readonly relids: readonly number[]; readonly reason: string }[] | undefined
  /** End LSN of the last transaction that arrived, kept or dropped. */
  receivedEnd: Lsn
  /** Complete transactions applied since the applier was made. */
  transactions = 0

  constructor({ writer, history, clock, warn }: ApplierOptions) {
    this.#writer = writer
    this.#clock = clock
    this.#history = history
    this.#descriptions = new DescriptionRows(writer, warn)
    this.receivedEnd = writer.endLsn
  }

  /** Whether a transaction has begun and not ended yet. */
  get inTransaction(): boolean {
    return this.#skipping || this.#writer.inTransaction
  }

  /** The open transaction is in the log already, and is dropped. */
  get isSkipping(): boolean {
    return this.#skipping
  }

  /**
   * Writes the description of a table: into the open transaction or, between two, as a transaction of its own, which the source does
   * not have and which moves no position.
   */
  describe(relid: number, json: Buffer, dropped: boolean): void {
    const writer = this.#writer
    const isOwn = !writer.inTransaction
    if (isOwn) {
      const now = this.#clock.readFor(never)
      writer.begin(stampTransaction(writer.lastTimestamp, now, now), writer.endLsn, ownXid, now)
    }
    writer.schema(relid, json, dropped)
    if (isOwn) writer.commit(writer.endLsn)
  }

  /** Ends the feeds of these relations. Rows that the open transaction still has of them are left out. */
  end(relids: readonly number[], reason: string): void {
    if (this.#writer.inTransaction) (this.#ends ??= []).push({ relids, reason })
    else this.#gap(relids, reason)
  }

  #gap(relids: readonly number[], reason: string): void {
    const writer = this.#writer
    writer.gap(nextHlc(writer.lastTimestamp), writer.endLsn, reason, relids)
  }

  /** `bytes[start, end)` is one message. */
  apply(bytes: Buffer, start: number, end: number): void {
    const writer = this.#writer
    switch (bytes[start]) {
      case letter.I: {
        if (this.#skipping) return
        const relid = bytes.readUInt32BE(start + 1)
        if (relid === this.#descriptions.relid) this.#descriptions.inserted(bytes, start, end)
        else if (!this.#isLeftOut(relid)) writer.row(relid, true, bytes, start, end)
        return
      }
      case letter.U:
      case letter.D: {
        if (this.#skipping) return
        const relid = bytes.readUInt32BE(start + 1)
        if (relid !== this.#descriptions.relid) {
          if (!this.#isLeftOut(relid)) writer.row(relid, false, bytes, start, end)
        } else if (bytes[start] === letter.U) this.#descriptions.updated(bytes, start, end)
        return
      }
      case letter.B: {
        const commitLsn = readUint64(bytes, start + 1)
        // Commit records do not overlap: one that starts before the end of the last commit in the log is that commit or older.
        this.#skipping = commitLsn < writer.endLsn
        if (this.#skipping && this.#history.isChecked) return
        const commitMicros = readInt64(bytes, start + 9)
        const xid = bytes.readUInt32BE(start + 17)
        this.#history.begin(commitLsn, xid, commitMicros)
        if (this.#skipping) return
        writer.begin(
          stampTransaction(writer.lastTimestamp, commitMicros, this.#clock.readFor(commitMicros)),
          commitLsn,
          xid,
          commitMicros,
        )
        return
      }
      case letter.C: {
        const endLsn = readUint64(bytes, start + 10)
        if (endLsn > this.receivedEnd) this.receivedEnd = endLsn
        this.transactions += 1
        if (this.#skipping) this.#skipping = false
        else this.#commit(endLsn)
        return
      }
      case letter.R:
        if (this.#descriptions.isTheirs(bytes, start, end)) return
        // A relation message of a dropped transaction is the one that the log got the first time, or an older one: the server
        // describes a relation again after every change of it.
        if (!this.#skipping) writer.relation(bytes.readUInt32BE(start + 1), bytes, start, end)
        return
      case letter.T:
        if (!this.#skipping) writer.truncate(truncatedRelations(bytes, start, end), bytes, start, end)
        return
      case letter.M:
      case letter.O:
      case letter.Y:
        return
      default:
        throw new FeedError(
          'FEED_PROTOCOL',
          `unknown logical replication message 0x${(bytes[start] ?? 0).toString(16)}`,
        )
    }
  }

  #commit(endLsn: Lsn): void {
    const ends = this.#ends
    this.#ends = undefined
    this.#writer.commit(endLsn, ends !== undefined)
    for (const { relids, reason } of ends ?? []) this.#gap(relids, reason)
  }

  #isLeftOut(relid: number): boolean {
    return this.#ends?.some(({ relids }) => relids.includes(relid)) === true
  }
}
