// What ingest knows of a prepared source, kept beside the changelog as a note: the publication and its tables when they were last
// looked at, and since when all changes of each table are published. What is found to be different at the next look was changed
// meanwhile, also while no server was running.

import type { Changelog, ChangelogKeeper } from '../../changelog/changelog.ts'

/**
 * full: whole old and new rows. whole: whole new rows, and the key of the old ones. partial: values that are stored out of line may
 * be missing from new rows.
 */
export type LoggedRows = 'full' | 'whole' | 'partial'

export interface KnownTable {
  /** See MemberFacts. */
  readonly id: string
  readonly name: string
  /** The time since which all of its changes are published, in µs since 2000; undefined: transactions of before have not ended yet. */
  readonly since?: string | undefined
  /** The table and its partitions: a changefeed may be of any of them. */
  readonly relids: readonly number[]
  /** What the WAL has of the rows of the table and of its partitions, by their names. */
  readonly rows: Readonly<Record<string, LoggedRows>>
  /** Why a changefeed of it cannot go on, as was reported; undefined: it can. */
  readonly lack?: string | undefined
}

export interface PreparedState {
  readonly version: 1
  readonly publication: string
  readonly tables: Readonly<Record<string, KnownTable>>
}

const note = 'prepared'

/** Returns undefined if there is none, or none that this program can read: then nothing is known of what happened until now. */
export function readState(log: Pick<Changelog, 'readNote'>): PreparedState | undefined {
  const text = log.readNote(note)
  if (text === undefined) return undefined
  try {
    const state = JSON.parse(text) as Partial<PreparedState>
    return state.version === 1 && typeof state.tables === 'object' ? (state as PreparedState) : undefined
  } catch {
    return undefined
  }
}

export function keepState(log: Pick<ChangelogKeeper, 'writeNote'>, state: PreparedState): void {
  log.writeNote(note, `${JSON.stringify(state)}\n`)
}
