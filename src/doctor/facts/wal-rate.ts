// How fast the server writes WAL: measured for a moment, and on average since its statistics were reset.

import { setTimeout as delay } from 'node:timers/promises'
import { parseLsn } from '../../core/lsn.ts'
import type { Queries } from '../../postgres/queries.ts'

export interface WalRate {
  /** Bytes in a second, measured now. */
  readonly now: number
  /** Bytes in a second since the statistics were reset; undefined: they are too young to say anything. */
  readonly average: number | undefined
}

/** Statistics of a shorter time are those of a start-up or of a restored dump. */
const leastSeconds = 600

const sql = `SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text,
  extract(epoch FROM clock_timestamp())::text, wal_bytes::text, extract(epoch FROM clock_timestamp() - coalesce(stats_reset, pg_postmaster_start_time()))::text
  FROM pg_stat_wal`

/** Begins to measure. The result ends it, not before `leastMs` have passed. */
export async function measureWal(connection: Queries, leastMs: number): Promise<() => Promise<WalRate>> {
  const first = await read(connection)
  const startedAt = performance.now()
  return async () => {
    await delay(Math.max(0, leastMs - (performance.now() - startedAt)))
    return rateBetween(first, await read(connection))
  }
}

function rateBetween(first: Reading, last: Reading): WalRate {
  const seconds = last.seconds - first.seconds
  const { statisticsBytes, statisticsSeconds } = last
  return {
    now: seconds > 0 ? Number(last.lsn - first.lsn) / seconds : 0,
    average: statisticsSeconds >= leastSeconds ? statisticsBytes / statisticsSeconds : undefined,
  }
}

interface Reading {
  readonly lsn: bigint
  readonly seconds: number
  readonly statisticsBytes: number
  readonly statisticsSeconds: number
}

async function read(connection: Queries): Promise<Reading> {
  const [[lsn, seconds, bytes, age] = []] = await connection.query(sql)
  return {
    lsn: parseLsn(lsn ?? ''),
    seconds: Number(seconds),
    statisticsBytes: Number(bytes),
    statisticsSeconds: Number(age),
  }
}

/** The rate to reckon with: the larger one. */
export function expectedRate({ now, average }: WalRate): number {
  return Math.max(now, average ?? 0)
}
