// What the follower of the changelog is given, and where it returns.

import type { Changelog, LogReader } from '../../changelog/changelog.ts'
import type { FeedTarget } from '../../core/feed-spec.ts'
import type { Hlc } from '../../core/hlc.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import type { ReadsRowsAgain } from '../transaction/tables-at-end.ts'
import type { IsMissed } from '../transaction/written-changes.ts'
import type { PassLimits } from './last-change-passes.ts'
import type { SchemaChange } from './schema-changes.ts'

export interface FollowOptions {
  readonly log: Changelog
  readonly reader: LogReader
  readonly targets: readonly FeedTarget[]
  readonly diff: boolean
  /** Changes at or below this time are not emitted. */
  readonly after: Hlc
  /** Changes above this time are not emitted. */
  readonly endTime: Hlc | undefined
  /** Whether `run` returns before each transaction that changes a table of the feed. */
  readonly stopsAtSchemaChange: boolean
  /** Rows of partitions that are attached are not read, so none of their changes may be passed over. */
  readonly needsEveryChange?: boolean | undefined
  /** The boundary that is passed over, because all that was to be done there is done. */
  readonly passed?: Hlc | undefined
  /** After which schema changes all rows of a table are read again as of the change; undefined: after none. */
  readonly readsRowsAgain?: ReadsRowsAgain | undefined
  /** See `EmitterOptions`. */
  readonly onlyMissed?: IsMissed | undefined
  readonly changes: ChangeWriter
  /** Called with which partitions have come and gone. */
  readonly tell?: ((what: string) => void) | undefined
  /** How long the follower may sleep while the log gets nothing of the targets. */
  readonly quietMs?: number
  /** Called when everything at or below the frontier has been written to `changes`. */
  readonly advanced: (frontier: Hlc) => Promise<void>
  readonly signal: AbortSignal
  /** The memory that a large transaction may take; for tests. */
  readonly limits?: PassLimits | undefined
}

export type Followed =
  /** Everything at or below the end time is in `changes`. */
  | { readonly tag: 'end' }
  /** The signal has aborted. */
  | { readonly tag: 'stopped' }
  | Boundary

/** Everything before the transaction at `at` is in `changes`. */
export interface Boundary {
  readonly tag: 'boundary'
  readonly at: Hlc
  /** What the transaction changes. */
  readonly changes: readonly SchemaChange[]
  /** The tables that it attaches as partitions of targets when they may have had rows, and these targets. */
  readonly attached: ReadonlyMap<number, number>
  /** Whether the transaction has rows of the feed; of a large one it is only known that it may have some. */
  readonly hasRows: boolean
}
