// The table of the metrics of a source database: of its changelog, and of the reading of its changes.

import type { MetricTable } from './metrics.ts'

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
}
