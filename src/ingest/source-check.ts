// Is the source still the one that the log was written from, and does its slot still hold everything the log misses?
// Facts in, verdict out: `gap` names what is lost, nothing is skipped silently.

import { formatLsn, type Lsn } from '../core/lsn.ts'

/** Kept beside the log: who it was written from. */
export interface SourceIdentity {
  readonly systemIdentifier: string
  readonly databaseOid: string
  readonly database: string
}

export interface SlotFacts {
  readonly confirmedLsn: Lsn
  /** pg_replication_slots.wal_status: reserved, extended, unreserved or lost. */
  readonly walStatus: string | null
  readonly invalidationReason: string | null
  readonly plugin: string
  readonly activePid: number | null
}

export type SlotVerdict =
  /** Everything behind `from` will come. */
  | { readonly tag: 'continue' }
  /** A new slot must be made; `gap` says what is lost, undefined for a log that holds nothing yet. */
  | { readonly tag: 'recreate'; readonly drop: boolean; readonly gap: string | undefined }
  /** The slot is fine and ahead of the log. */
  | { readonly tag: 'gap'; readonly gap: string }

/** `durableEnd`: end LSN of the log, zero when it is new. Pure. */
export function judgeSlot(name: string, slot: SlotFacts | undefined, durableEnd: Lsn): SlotVerdict {
  const since = `changes after ${formatLsn(durableEnd)}`
  if (slot === undefined) {
    return {
      tag: 'recreate',
      drop: false,
      gap: durableEnd === 0n ? undefined : `replication slot "${name}" does not exist any more: ${since} are missing`,
    }
  }
  // A slot without a log is left from a start that crashed between the two: no feed has seen anything of it.
  if (durableEnd === 0n) return { tag: 'recreate', drop: true, gap: undefined }
  if (slot.walStatus === 'lost' || slot.invalidationReason !== null) {
    return {
      tag: 'recreate',
      drop: true,
      gap: `replication slot "${name}" was invalidated (${slot.invalidationReason ?? 'wal_removed'}): ${since} are missing`,
    }
  }
  if (slot.confirmedLsn > durableEnd) {
    return {
      tag: 'gap',
      gap: `replication slot "${name}" stands at ${formatLsn(slot.confirmedLsn)}, beyond the changelog's end ${formatLsn(durableEnd)}: it was recreated or advanced by somebody else, the changes between are missing`,
    }
  }
  return { tag: 'continue' }
}
