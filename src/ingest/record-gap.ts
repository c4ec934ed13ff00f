// Writes into the log that changes are missing, for the checks of a source that run beside its stream.

import { nextHlc } from '../core/hlc.ts'
import type { ChangelogWriter } from '../changelog/changelog.ts'
import type { GroupCommit } from './group-commit.ts'

export interface GapRecorder {
  readonly writer: ChangelogWriter
  readonly commit: GroupCommit
  /** Called when the gap is durable. */
  readonly gap: (reason: string) => void
}

/** `relids`: the tables of the gap; undefined: all. Returns false if a transaction is open: a later check must record the gap. */
export async function recordGap(
  { writer, commit, gap }: GapRecorder,
  reason: string,
  relids?: readonly number[],
): Promise<boolean> {
  if (writer.inTransaction) return false
  writer.gap(nextHlc(writer.lastTimestamp), writer.endLsn, reason, relids)
  await commit.drain()
  gap(reason)
  return true
}
