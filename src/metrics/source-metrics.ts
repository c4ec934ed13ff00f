// The table of the metrics of a source database: of its changelog, and of the reading of its changes.

import type { LogMeter } from '../core/log-meter.ts'
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
    readonly meter: LogMeter
    /** When the oldest part of it that is kept was begun, in ms since 1970. */
    startedMs(): number | undefined
  }
  readonly ingest: {
    readonly state: { readonly tag: string }
    /** The positions of the changelog that jobs need. */
    readonly pins: readonly number[]
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
  'changefeed.changelog.bytes': {
    kind: 'gauge',
    unit: 'bytes',
    shown: 'essential',
    help: 'Bytes that the changelog holds now.',
    read: ({ log: { status } }) => status.head - status.tail,
  },
  'changefeed.changelog.written_bytes': {
    kind: 'counter',
    unit: 'bytes',
    shown: 'support',
    help: 'Bytes written to the changelog since the server opened it.',
    read: ({ log: { status } }) => Number(status.bytes),
  },
  'changefeed.changelog.rows': {
    kind: 'counter',
    unit: 'count',
    shown: 'support',
    help: 'Row changes written to the changelog since the server opened it.',
    read: ({ log: { status } }) => Number(status.rows),
  },
  'changefeed.changelog.transactions': {
    kind: 'counter',
    unit: 'count',
    shown: 'support',
    help: 'Transactions written to the changelog since the server opened it.',
    read: ({ log: { status } }) => Number(status.transactions),
  },
  'changefeed.changelog.resolved_seconds': {
    kind: 'gauge',
    unit: 'seconds',
    shown: 'support',
    help: 'The time up to which the changelog is complete, in seconds since 1970.',
    read: ({ log: { status } }) => Number(status.resolvedWall / 1_000_000n) / 1000,
  },
  'changefeed.changelog.age_seconds': {
    kind: 'gauge',
    unit: 'seconds',
    shown: 'support',
    help: 'Seconds since the oldest part of the changelog that is kept was begun: how far back a cursor may go.',
    read: ({ log }) => {
      const startedMs = log.startedMs()
      return unlabelled(startedMs === undefined ? undefined : Math.max(0, Date.now() - startedMs) / 1000)
    },
  },
  'changefeed.changelog.pins': {
    kind: 'gauge',
    unit: 'count',
    shown: 'support',
    help: 'Jobs, running or paused, for which the changelog keeps changes longer than changefeed.changelog.retention; looked up every half minute.',
    read: ({ ingest: { pins } }) => pins.length,
  },
  'changefeed.changelog.pinned_bytes': {
    kind: 'gauge',
    unit: 'bytes',
    shown: 'support',
    help: 'Bytes of the changelog that jobs, running or paused, keep from being removed: whole files, from the beginning of the file with the oldest change that one of them still needed when that was looked up last.',
    read: ({ log: { status }, ingest: { pins } }) =>
      pins.length === 0 ? 0 : Math.max(0, status.head - Math.max(status.tail, Math.min(...pins))),
  },
  'changefeed.changelog.append_nanos': {
    kind: 'histogram',
    unit: 'nanoseconds',
    help: 'Writing a block of the changelog into the page cache.',
    read: ({ log: { meter } }) => meter.histogram('append'),
  },
  'changefeed.changelog.sync_nanos': {
    kind: 'histogram',
    unit: 'nanoseconds',
    shown: 'support',
    help: 'Making the changelog durable, once for everything that was written meanwhile (fdatasync).',
    read: ({ log: { meter } }) => meter.histogram('sync'),
  },
  'changefeed.changelog.durable_latency': {
    kind: 'histogram',
    unit: 'nanoseconds',
    shown: 'support',
    help: 'From the commit of a transaction in PostgreSQL until it is durable in the changelog; of the oldest one that became durable at a time.',
    read: ({ log: { meter } }) => meter.histogram('durable'),
  },
  'changefeed.changelog.wait_nanos': {
    kind: 'counter',
    unit: 'nanoseconds',
    shown: 'essential',
    help: 'Nanoseconds for which the reading of the slot waited because the disk of the changelog was behind.',
    read: ({ log: { meter } }) => meter.value('waitNanos'),
  },
  'changefeed.slot_lag_bytes': {
    kind: 'gauge',
    unit: 'bytes',
    shown: 'essential',
    help: 'Bytes of the write-ahead log of PostgreSQL that are not durable in the changelog yet.',
    read: ({
      log: {
        status: { sourceLsn, endLsn },
      },
    }) => Number(sourceLsn > endLsn ? sourceLsn - endLsn : 0n),
  },
  'changefeed.ingest.running': {
    kind: 'gauge',
    unit: 'count',
    shown: 'essential',
    help: '1 while the server reads the changes of the database, 0 otherwise.',
    read: ({ ingest: { state, trouble } }) =>
      (state.tag === 'streaming' || state.tag === 'pulling') && trouble.now === undefined ? 1 : 0,
  },
  'changefeed.ingest.draining': {
    kind: 'gauge',
    unit: 'count',
    shown: 'support',
    help: '1 while the server reads changes in bulk because it is far behind, 0 otherwise.',
    read: ({ ingest: { state } }) => (state.tag === 'pulling' ? 1 : 0),
  },
  'changefeed.ingest.errors': {
    kind: 'counter',
    unit: 'count',
    shown: 'support',
    help: 'Failed attempts to read the changes of the database since the server opened its changelog.',
    read: ({ ingest }) => ingest.trouble.failures,
  },
  'changefeed.ingest.failing': {
    kind: 'gauge',
    unit: 'count',
    shown: 'essential',
    help: '1 while the changes of the database cannot be read; code and sqlstate are those of the error.',
    labels: ['code', 'sqlstate'],
    read: ({ ingest: { trouble } }) => {
      if (trouble.now === undefined) return []
      const { code, sqlstate } = trouble.now.error
      return [{ labels: { code, sqlstate }, value: 1 }]
    },
  },
  'changefeed.source.slot_retained_bytes': {
    kind: 'gauge',
    unit: 'bytes',
    shown: 'essential',
    help: 'Bytes of write-ahead log that PostgreSQL keeps for the replication slot, at its last reading.',
    read: ({ ingest: { slot } }) => unlabelled(slot.now?.retainedBytes),
  },
  'changefeed.source.slot_safe_wal_bytes': {
    kind: 'gauge',
    unit: 'bytes',
    shown: 'support',
    help: 'Bytes of write-ahead log that may still be written before the slot can be lost (max_slot_wal_keep_size); absent without a limit.',
    read: ({ ingest: { slot } }) => unlabelled(slot.now?.safeBytes),
  },
  'changefeed.source.slot_left_seconds': {
    kind: 'gauge',
    unit: 'seconds',
    shown: 'essential',
    help: 'Seconds until the slot can be lost, if it goes on to fall behind, or PostgreSQL to be out of reach, as in the last five minutes; absent while it keeps up, and beyond three days.',
    read: ({ ingest: { slot } }) => unlabelled(slot.now?.secondsLeft),
  },
  'changefeed.source.slot_lag_seconds': {
    kind: 'gauge',
    unit: 'seconds',
    shown: 'essential',
    help: 'Seconds, on the clock of PostgreSQL, from the time up to which the changelog is complete until now.',
    read: ({ log: { status }, ingest: { slot } }) =>
      unlabelled(
        slot.now && Math.max(0, slot.now.clockMs + slot.now.ageMs - Number(status.resolvedWall / 1_000_000n)) / 1000,
      ),
  },
  'changefeed.source.slot_wal_status': {
    kind: 'gauge',
    unit: 'count',
    shown: 'essential',
    help: '1 for the wal_status that pg_replication_slots shows of the slot: reserved, extended, unreserved or lost.',
    labels: ['wal_status'],
    read: ({ ingest: { slot } }) =>
      slot.now === undefined ? [] : [{ labels: { wal_status: slot.now.walStatus ?? 'none' }, value: 1 }],
  },
  'changefeed.source.slot_reading_age_seconds': {
    kind: 'gauge',
    unit: 'seconds',
    shown: 'essential',
    help: 'Seconds since the slot was read last; it grows while the source cannot be reached.',
    read: ({ ingest: { slot } }) => unlabelled(slot.now && slot.now.ageMs / 1000),
  },
}

/** Undefined: there is nothing to show. */
function unlabelled(value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [{ labels: {}, value }]
}
