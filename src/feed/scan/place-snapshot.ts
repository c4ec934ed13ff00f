// Finds a snapshot that belongs to a position of the changelog, among several that were taken shortly after each other.

import type { Changelog, Position } from '../../changelog/changelog.ts'
import { lengthBytes, lsnOf, ownXid, record, recordEnd, xidOf } from '../../changelog/records.ts'
import type { Lsn } from '../../core/lsn.ts'
import { isVisible, type BeginWindow, type PlacedSnapshot, type SnapshotWindow } from '../../scan/seen-snapshot.ts'
import { AwaitedBlocks } from './awaited-blocks.ts'

interface PlaceOptions {
  readonly log: Changelog
  /** A head of the log from before the window. */
  readonly from: Position
  readonly signal: AbortSignal
}

export function windowsOf(log: Changelog, signal: AbortSignal): BeginWindow {
  return () => {
    const from = log.status.head
    return (window) => placeSnapshot({ log, from, signal }, window)
  }
}

/** Of what is missing in the log nobody can say whether a snapshot shows it: there, undefined is returned. The last one of the snapshots that will do is taken. */
export async function placeSnapshot(
  { log, from, signal }: PlaceOptions,
  window: SnapshotWindow,
): Promise<PlacedSnapshot | undefined> {
  /** Per snapshot the position of the first commit that it does not show; undefined: it shows a later one, too. */
  const points: (Lsn | undefined)[] = window.snapshots.map(() => window.to)
  using blocks = new AwaitedBlocks({ log, from, signal })
  for (;;) {
    const block = await blocks.next()
    const payload = block.payload()
    for (let at = 0; at < payload.length;) {
      const start = at + lengthBytes
      at = recordEnd(payload, start)
      if (payload[start] === record.gap || payload[start] === record.gapOf) return undefined
      if (payload[start] !== record.begin || xidOf(payload, start) === ownXid) continue
      const commit = lsnOf(payload, start)
      if (commit >= window.from && commit < window.to) meet(points, window, { commit, xid: xidOf(payload, start) })
    }
    if (block.endLsn >= window.to && !block.continues) break
  }
  const index = points.findLastIndex((point) => point !== undefined)
  const point = points[index]
  return point === undefined ? undefined : { index, point }
}

function meet(
  points: (Lsn | undefined)[],
  { to, snapshots }: SnapshotWindow,
  { commit, xid }: { readonly commit: Lsn; readonly xid: number },
): void {
  for (const [index, snapshot] of snapshots.entries()) {
    const point = points[index]
    if (point === undefined) continue
    if (!isVisible(snapshot, xid)) points[index] = point < to ? point : commit
    else if (point < to) points[index] = undefined
  }
}
