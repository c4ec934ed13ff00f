// The cut of a statement whose feed scans later: made and told in the log's time now, read by whoever runs the feed.

import type { Changelog, Position } from '../../changelog/changelog.ts'
import type { Hlc } from '../../core/hlc.ts'
import { holdCut, type HeldSnapshot, type HoldOptions } from '../../scan/held-cut.ts'
import { findCut } from './find-cut.ts'

/** Structured cloneable. */
export interface StatementCut {
  readonly snapshot: HeldSnapshot
  /** What the cut stands for. */
  readonly time: Hlc
  /** When the snapshot was taken. */
  readonly sinceMs: number
}

export interface StatementCutHolder extends AsyncDisposable {
  readonly scan: StatementCut
}

/** A quiet log is there within milliseconds. */
const slowMs = 1000

export interface HoldStatementCutOptions extends HoldOptions {
  readonly log: Changelog
  /** A head of the log from before now. */
  readonly startPosition: Position
  /** Hears, when it takes long, that the log does not reach the cut yet. */
  readonly catchingUp: (why: string) => void
}

export async function holdStatementCut(options: HoldStatementCutOptions): Promise<StatementCutHolder> {
  const { log, startPosition: from, catchingUp, signal } = options
  const sinceMs = Date.now()
  const cut = await holdCut(options)
  const timer = setTimeout(() => catchingUp('waiting for the changelog to reach the present'), slowMs)
  try {
    const time = await findCut({ log, from, point: cut.point, signal })
    signal.throwIfAborted()
    return { scan: { snapshot: cut.snapshot, time, sinceMs }, [Symbol.asyncDispose]: () => cut[Symbol.asyncDispose]() }
  } catch (error) {
    await cut[Symbol.asyncDispose]()
    throw error
  } finally {
    clearTimeout(timer)
  }
}
