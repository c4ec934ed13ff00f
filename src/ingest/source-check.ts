// Judges whether the source is still the one that the log was written from, and whether its slot still holds all changes after
// the log's end. Pure: facts in, verdict out. `gap` names what is lost, so nothing is skipped silently.

import type { LastTransaction } from '../changelog/changelog.ts'
import { formatLsn, type Lsn } from '../core/lsn.ts'
import { slotInvalidation } from '../postgres/slot-invalidation.ts'

/** Kept with the log: which database it was written from. */
export interface SourceIdentity {
  readonly systemIdentifier: string
  readonly databaseOid: string
  readonly database: string
  /** The timeline of the WAL that the log was written from last; absent in folders of earlier versions. */
  readonly timeline?: number | undefined
  /**
   * Absent: the slot was made for this log. `making`, written before that: a slot that is there after a crash may be ours. `none`: it could
   * not be made, so a slot that is there is of another server.
   */
  readonly slot?: 'making' | 'none' | undefined
}

/** The present state of the source's WAL. */
export interface WalFacts {
  /** Its durable end. */
  readonly end: Lsn
  /**
   * The position at which the WAL left the timeline of the log. Undefined: it is still on that timeline. Zero: it never was.
   * `unknown`: it is on another one now, and only a connection for replication could tell more.
   */
  readonly leftAt: Lsn | 'unknown' | undefined
}

export interface SlotFacts {
  readonly confirmedLsn: Lsn
  /** pg_replication_slots.wal_status: reserved, extended, unreserved or lost. */
  readonly walStatus: string | null
  readonly invalidationReason: string | null
  readonly plugin: string
  /** A process of PostgreSQL that serves a reader of the slot, also between two pulls; null: nobody reads it now. */
  readonly readerPid: number | null
}

export type SlotVerdict =
  /** All changes after the log's end will come. */
  | { readonly tag: 'continue' }
  /** A new slot must be made; `gap` says what is lost, undefined for a log that holds nothing yet. */
  | { readonly tag: 'recreate'; readonly drop: boolean; readonly gap: string | undefined }
  /** Somebody else has made the slot, and may need it: this server waits. */
  | { readonly tag: 'stand-by' }
  /** The slot is usable. The changes from its position, or from the log's end, follow a gap. */
  | { readonly tag: 'gap'; readonly goesOn: 'at the slot' | "at the log's end"; readonly gap: string }

export interface LogFacts {
  /** End LSN of the log, zero when it is new. */
  readonly durableEnd: Lsn
  /** The last transaction of the log. */
  readonly last: LastTransaction
  /** The part of the log that recovery cut off because its bytes made no sense. */
  readonly damage: string | undefined
  /** Why not all changes since the log's end may have been published; undefined: they were. */
  readonly distrust: string | undefined
  /** A slot that the source has while the log holds nothing was made for this log. */
  readonly isSlotOurs: boolean
}

/** Pure. */
export function judgeSlot(name: string, slot: SlotFacts | undefined, wal: WalFacts, log: LogFacts): SlotVerdict {
  const { durableEnd, damage } = log
  const since = `changes after ${formatLsn(durableEnd)}`
  if (slot === undefined) {
    const gap =
      durableEnd === 0n ? undefined : `replication slot "${name}" does not exist any more: ${since} are missing`
    return { tag: 'recreate', drop: false, gap }
  }
  if (durableEnd === 0n) {
    // A slot of ours without a log remains from a start that crashed between making the two: no feed has seen anything of it.
    return log.isSlotOurs ? { tag: 'recreate', drop: true, gap: undefined } : { tag: 'stand-by' }
  }
  const recreate = (why: string): SlotVerdict => {
    return { tag: 'recreate', drop: true, gap: `replication slot "${name}" was ${why}: ${since} are missing` }
  }
  if (slot.walStatus === 'lost' || slot.invalidationReason !== null)
    return recreate(`invalidated (${slotInvalidation(slot.invalidationReason)})`)
  if (slot.plugin !== 'pgoutput') return recreate(`recreated by somebody else, for plugin "${slot.plugin}"`)
  // The server would wait until its WAL reaches the position, and silently skip everything that it writes until then.
  const end = typeof wal.leftAt === 'bigint' && wal.leftAt < wal.end ? wal.leftAt : wal.end
  if (durableEnd > end) {
    const how = wal.leftAt === undefined ? 'it was restored from a backup' : 'it was restored or promoted'
    return {
      tag: 'gap',
      goesOn: 'at the slot',
      gap: `the source's WAL goes up to ${formatLsn(end)} only of what the changelog holds up to ${formatLsn(durableEnd)}: ${how}, and its rows are not what the feeds were told`,
    }
  }
  if (slot.confirmedLsn > durableEnd) {
    const gap =
      damage === undefined
        ? `replication slot "${name}" stands at ${formatLsn(slot.confirmedLsn)}, beyond the changelog's end ${formatLsn(durableEnd)}: it was recreated or advanced by somebody else, the changes between are missing`
        : `the changelog is damaged (${damage}): ${since} are missing`
    return { tag: 'gap', goesOn: 'at the slot', gap }
  }
  // If the slot sends the last transaction of the log once more, its place proves the rest (history-check.ts).
  if (wal.leftAt === 'unknown' && !(log.last.tag === 'transaction' && log.last.commitLsn >= slot.confirmedLsn)) {
    const gap = `the source is on another timeline than the changelog: it was promoted or restored, and what it has of the changelog's past cannot be told without a connection for replication`
    return { tag: 'gap', goesOn: 'at the slot', gap }
  }
  if (log.distrust !== undefined) return { tag: 'gap', goesOn: "at the log's end", gap: log.distrust }
  return { tag: 'continue' }
}
