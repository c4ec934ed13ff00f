// The table of the metrics of a source database: of its changelog, and of the reading of its changes.

import type { MetricTable, Sample } from './metrics.ts'

export interface MeasuredSource {
  /** Its changelog. */
  readonly log: {
    readonly status: {
      readonly head: number
      readonly tail: number
      readonly bytes: bigint
      readonly rows: bigint
      readonly transactions: bigint
      /** Nanoseconds since 1970. */
      readonly resolvedWall: bigint
      readonly endLsn: bigint
      readonly sourceLsn: bigint
    }
  }
  readonly ingest: {
    readonly state: { readonly tag: string }
    readonly trouble: {
      readonly failures: number
      readonly now: { readonly error: { readonly code: string; readonly sqlstate: string } } | undefined
    }
    readonly slot: {
      /** Undefined: it was not read since the server started. */
      readonly now:
        | {
            readonly walStatus: string | null
            readonly retainedBytes: number
            readonly safeBytes: number | undefined
            readonly clockMs: number
            readonly ageMs: number
            readonly secondsLeft: number | undefined
          }
        | undefined
    }
  }
}

export const sourceMetrics: MetricTable<MeasuredSource> = {
  changefeed_changelog_bytes: {
    kind: 'gauge',
    help: 'Bytes that the changelog holds now.',
    read: ({ log: { status } }) => status.head - status.tail,
  },
  changefeed_changelog_written_bytes: {
    kind: 'counter',
    help: 'Bytes written to the changelog since the server opened it.',
    read: ({ log: { status } }) => Number(status.bytes),
  },
  changefeed_changelog_rows: {
    kind: 'counter',
    help: 'Row changes written to the changelog since the server opened it.',
    read: ({ log: { status } }) => Number(status.rows),
  },
  changefeed_changelog_transactions: {
    kind: 'counter',
    help: 'Transactions written to the changelog since the server opened it.',
    read: ({ log: { status } }) => Number(status.transactions),
  },
  changefeed_changelog_resolved_seconds: {
    kind: 'gauge',
    help: 'The time up to which the changelog is complete, in seconds since 1970.',
    read: ({ log: { status } }) => Number(status.resolvedWall / 1_000_000n) / 1000,
  },
  changefeed_slot_lag_bytes: {
    kind: 'gauge',
    help: 'Bytes of the write-ahead log of PostgreSQL that are not durable in the changelog yet.',
    read: ({
      log: {
        status: { sourceLsn, endLsn },
      },
    }) => Number(sourceLsn > endLsn ? sourceLsn - endLsn : 0n),
  },
  changefeed_ingest_running: {
    kind: 'gauge',
    help: '1 while the server reads the changes of the database, 0 otherwise.',
    read: ({ ingest: { state, trouble } }) =>
      (state.tag === 'streaming' || state.tag === 'pulling') && trouble.now === undefined ? 1 : 0,
  },
  changefeed_ingest_errors: {
    kind: 'counter',
    help: 'Failed attempts to read the changes of the database since the server opened its changelog.',
    read: ({ ingest }) => ingest.trouble.failures,
  },
  changefeed_ingest_failing: {
    kind: 'gauge',
    help: '1 while the changes of the database cannot be read; code and sqlstate are those of the error.',
    labels: ['code', 'sqlstate'],
    read: ({ ingest: { trouble } }) => {
      if (trouble.now === undefined) return []
      const { code, sqlstate } = trouble.now.error
      return [{ labels: { code, sqlstate }, value: 1 }]
    },
  },
  changefeed_source_slot_retained_bytes: {
    kind: 'gauge',
    help: 'Bytes of write-ahead log that PostgreSQL keeps for the replication slot, at its last reading.',
    read: ({ ingest: { slot } }) => unlabelled(slot.now?.retainedBytes),
  },
  changefeed_source_slot_safe_wal_bytes: {
    kind: 'gauge',
    help: 'Bytes of write-ahead log that may still be written before the slot can be lost (max_slot_wal_keep_size); absent without a limit.',
    read: ({ ingest: { slot } }) => unlabelled(slot.now?.safeBytes),
  },
  changefeed_source_slot_left_seconds: {
    kind: 'gauge',
    help: 'Seconds until the slot can be lost, if it goes on to fall behind, or PostgreSQL to be out of reach, as in the last five minutes; absent while it keeps up, and beyond three days.',
    read: ({ ingest: { slot } }) => unlabelled(slot.now?.secondsLeft),
  },
  changefeed_source_slot_lag_seconds: {
    kind: 'gauge',
    help: 'Seconds, on the clock of PostgreSQL, from the time up to which the changelog is complete until now.',
    read: ({ log: { status }, ingest: { slot } }) =>
      unlabelled(
        slot.now && Math.max(0, slot.now.clockMs + slot.now.ageMs - Number(status.resolvedWall / 1_000_000n)) / 1000,
      ),
  },
  changefeed_source_slot_wal_status: {
    kind: 'gauge',
    help: '1 for the wal_status that pg_replication_slots shows of the slot: reserved, extended, unreserved or lost.',
    labels: ['wal_status'],
    read: ({ ingest: { slot } }) =>
      slot.now === undefined ? [] : [{ labels: { wal_status: slot.now.walStatus ?? 'none' }, value: 1 }],
  },
  changefeed_source_slot_reading_age_seconds: {
    kind: 'gauge',
    help: 'Seconds since the slot was read last; it grows while the source cannot be reached.',
    read: ({ ingest: { slot } }) => unlabelled(slot.now && slot.now.ageMs / 1000),
  },
}

/** Undefined: there is nothing to show. */
function unlabelled(value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [{ labels: {}, value }]
}
