// Ingest: brings every committed change of one source database into its changelog, once, in commit order, stamped.
//
// One slot, one publication, one worker thread per source database. It reads the slot (streaming near the head, bulk
// pulls far behind), gives timestamps, writes the log, and confirms to the slot only what the log durably holds, so a
// slow or stopped feed never holds WAL on the source. It refuses to decode rows, to know feeds, and to skip anything
// silently: what is missing becomes a gap record that names the reason.
//
// This file is the messages between the ingest thread and the main thread.

import type { Lsn } from '../core/lsn.ts'
import type { LogHandle, Position } from '../changelog/changelog.ts'
import type { WireError } from '../errors/feed-error.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'

export interface IngestSettings {
  /** kv.closed_timestamp.target_duration. */
  readonly closedTargetMs: number
  readonly retentionMs: number
  readonly maxLogBytes: number
}

export interface IngestStart {
  readonly log: LogHandle
  readonly source: SourceConnection
  readonly settings: IngestSettings
}

export type ToIngest =
  | { readonly tag: 'settings'; readonly settings: IngestSettings }
  /** How many feeds read this log. Without feeds, timestamps are closed rarely. */
  | { readonly tag: 'demand'; readonly feeds: number }
  /** Positions that readers need: retention by age keeps everything from there on. */
  | { readonly tag: 'pins'; readonly positions: readonly Position[] }
  /** Somebody waits for what a check of the source's health finds. */
  | { readonly tag: 'check' }
  | { readonly tag: 'stop' }

export type IngestState =
  | { readonly tag: 'connecting' }
  | { readonly tag: 'streaming' }
  | { readonly tag: 'pulling' }
  /** Changes wait until somebody ends a transaction that has changed a table or a type. */
  | { readonly tag: 'held'; readonly error: WireError }
  /** Tries again by itself. `atChange`: there is a change that cannot be read, and the next stream begins before it. */
  | { readonly tag: 'retrying'; readonly error: WireError; readonly inMs: number; readonly atChange?: boolean }
  /** Needs a human: the source is not the one that the log belongs to. */
  | { readonly tag: 'failed'; readonly error: WireError }

/** How much WAL the slot keeps. */
export interface SlotReading {
  readonly slot: string
  /** pg_replication_slots.wal_status: reserved, extended, unreserved or lost. */
  readonly walStatus: string | null
  readonly retainedBytes: number
  /** Bytes of WAL that may still be written before the slot may be lost; undefined: without limit. */
  readonly safeBytes: number | undefined
  /** The end of the WAL at that time. */
  readonly walEnd: Lsn
  /** The clock of the source, in milliseconds since 1970. */
  readonly clockMs: number
}

export type FromIngest =
  | { readonly tag: 'slot'; readonly reading: SlotReading }
  /** The slot exists and the log holds its starting point. */
  | { readonly tag: 'ready' }
  | { readonly tag: 'state'; readonly state: IngestState }
  | { readonly tag: 'gap'; readonly reason: string }
  /** The slot cannot be made yet. */
  | { readonly tag: 'waiting'; readonly why: string }
  /** For the server's log; ingest continues. */
  | { readonly tag: 'warning'; readonly why: string }
  | { readonly tag: 'stopped' }
