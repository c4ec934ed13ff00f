// A snapshot for a cut where our role gets no connection for replication, so that PostgreSQL does not say where in the WAL the snapshot
// belongs. The changelog says it: between two positions, every transaction that the log has is looked up in the snapshot.
// Why this is exact, docs/decisions/0047-fail-over.md proves.
//
// A commit becomes visible some time after its record was written, and not always in the order of the records. Then a snapshot belongs to no
// position, and others are taken until one does.

import { setTimeout as delay } from 'node:timers/promises'
import { parseLsn, type Lsn } from '../core/lsn.ts'
import { processSql, waitsForWriters } from '../postgres/explain-wait.ts'
import { boundarySql, flushedMark } from '../postgres/flushed-mark.ts'
import type { Queries } from '../postgres/queries.ts'

/** What a snapshot shows: of transactions that have committed, those below `xmax` that were not `running`. Ids are as long as PostgreSQL's. */
export interface SeenSnapshot {
  readonly xmax: bigint
  readonly running: ReadonlySet<bigint>
}

export interface SnapshotWindow {
  /** Whatever was committed before it is visible in all snapshots. */
  readonly from: Lsn
  /** Whatever was committed after it is visible in none. */
  readonly to: Lsn
  readonly snapshots: readonly SeenSnapshot[]
}

/** One of the snapshots, and the position for which this is true: a transaction is visible if and only if it committed before. */
export interface PlacedSnapshot {
  readonly index: number
  readonly point: Lsn
}

/**
 * To be called before a window begins. The result looks the snapshots up in the changelog; undefined: none of them belongs to a
 * position.
 */
export type BeginWindow = () => (window: SnapshotWindow) => Promise<PlacedSnapshot | undefined>

/** Most cuts are at the first snapshot; where commits overtake each other all the time, few snapshots are. */
const triesPerRound = { first: 2, most: 64 }
const roundPauseMs = 20
const slowRounds = 50
const againMs = { first: 10, most: 250 }
const firstWordMs = 1000
const nextWordMs = 5000

export interface TakenSnapshot {
  readonly point: Lsn
  readonly name: string
}

export interface TakeOptions {
  /** A connection that keeps the snapshot in its transaction, until it is closed. */
  readonly holder: Queries
  /** Another one. */
  readonly control: Queries
  readonly beginWindow: BeginWindow
  readonly waiting: ((why: string) => void) | undefined
}

export async function takeSnapshot({ holder, control, beginWindow, waiting }: TakeOptions): Promise<TakenSnapshot> {
  let tries: number = triesPerRound.first
  for (let round = 1; ; round++) {
    const place = beginWindow()
    const from = await settledPosition(control, waiting)
    const snapshots = await takeSnapshots(holder, tries)
    const to = await flushedMark(control)
    const timer = setTimeout(() => waiting?.('waiting for the changelog to reach the present'), firstWordMs)
    const placed = await place({ from, to, snapshots }).finally(() => clearTimeout(timer))
    const name = placed === undefined ? undefined : snapshots[placed.index]?.name
    if (placed !== undefined && name !== undefined) return { point: placed.point, name }
    await holder.query('ROLLBACK')
    if (round % slowRounds === 0) waiting?.('waiting for a moment at which commits become visible in their order')
    tries = Math.min(tries * 2, triesPerRound.most)
    await delay(roundPauseMs)
  }
}

/**
 * Returns a position before which every commit is visible to all snapshots that are taken after this. Who had written a commit before it has
 * a lower id than a transaction of ours that begins then; the upper limit of a snapshot would not do, because transactions
 * beyond it may run as well.
 */
async function settledPosition(control: Queries, waiting: TakeOptions['waiting']): Promise<Lsn> {
  const [position] = await control.query(boundarySql)
  const [ours] = await control.query('SELECT pg_current_xact_id()::text')
  const xid = BigInt(ours?.[0] ?? '0')
  let wordAt = performance.now() + firstWordMs
  for (let pauseMs = againMs.first; ; pauseMs = Math.min(pauseMs * 2, againMs.most)) {
    const [now] = await control.query('SELECT pg_snapshot_xmin(pg_current_snapshot())::text')
    if (BigInt(now?.[0] ?? '0') >= xid) return parseLsn(position?.[0] ?? '')
    if (performance.now() > wordAt) {
      const [row] = await control.query(runningSql(xid))
      if (row?.[0] != null) waiting?.(`${waitsForWriters}: ${row[0]}`)
      wordAt = performance.now() + nextWordMs
    }
    await delay(pauseMs)
  }
}

/** Who runs the transactions below `xid`. A transaction that is prepared has no process. */
const runningSql = (xid: bigint): string => `SELECT string_agg(
  CASE WHEN l.pid IS NULL THEN 'a prepared transaction' ELSE ${processSql('l.pid')} END, '; ' ORDER BY xact_start)
FROM pg_snapshot_xip(pg_current_snapshot()) AS x (xid) JOIN pg_locks l ON l.locktype = 'transactionid' AND l.transactionid = x.xid::xid AND l.mode = 'ExclusiveLock' AND l.granted
LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE x.xid < '${xid}'::xid8`

interface ExportedSnapshot extends SeenSnapshot {
  readonly name: string
}

/** In READ COMMITTED each statement has a snapshot of its own, and each of them can be exported. */
async function takeSnapshots(holder: Queries, count: number): Promise<ExportedSnapshot[]> {
  await holder.query('BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY')
  const taken: ExportedSnapshot[] = []
  for (let i = 0; i < count; i++) {
    const [row] = await holder.query('SELECT pg_export_snapshot(), pg_current_snapshot()::text')
    taken.push({ name: row?.[0] ?? '', ...readSnapshot(row?.[1] ?? '') })
  }
  return taken
}

/** `xmin:xmax:ids of transactions that run`, separated by commas. */
export function readSnapshot(text: string): SeenSnapshot {
  const [, xmax = '0', running = ''] = text.split(':')
  return { xmax: BigInt(xmax), running: new Set(running === '' ? [] : running.split(',').map(BigInt)) }
}

const wrap = 1n << 32n

/** Whether a transaction that has committed is visible. `xid`: its lower 32 bits; no two transactions that matter are half of that apart. */
export function isVisible({ xmax, running }: SeenSnapshot, xid: number): boolean {
  const distance = BigInt.asIntN(32, BigInt(xid) - (xmax % wrap))
  return distance < 0n && !running.has(xmax + distance)
}
