// The cut of a statement whose feed scans later: made and told in the log's time now, read by whoever runs the feed.

import type { Changelog } from '../changelog/changelog.ts'
import type { Hlc } from '../core/hlc.ts'
import { holdCut, type HeldSnapshot, type HoldOptions } from '../scan/held-cut.ts'
import { findCut } from './find-cut.ts'

/** Structured cloneable. */
export interface HeldScan {
  readonly snapshot: HeldSnapshot
  /** What the cut stands for. */
  readonly time: Hlc
}

export interface ScanHolder extends AsyncDisposable {
  readonly scan: HeldScan
}

export interface HoldScanOptions extends HoldOptions {
  readonly log: Changelog
  /** A head of the log from before now. */
  readonly startPosition: number
  /** Asks ingest to close a timestamp at once. */
  readonly closeNow: () => void
}

export async function holdScan(options: HoldScanOptions): Promise<ScanHolder> {
  const { log, startPosition: from, closeNow, signal } = options
  const cut = await holdCut(options)
  try {
    const time = await findCut({ log, from, point: cut.point, closeNow, signal })
    signal.throwIfAborted()
    return { scan: { snapshot: cut.snapshot, time }, [Symbol.asyncDispose]: () => cut[Symbol.asyncDispose]() }
  } catch (error) {
    await cut[Symbol.asyncDispose]()
    throw error
  }
}
