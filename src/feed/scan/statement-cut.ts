// The cut that a statement makes and holds for a feed that scans later, in another thread.

import type { Changelog, Position } from '../../changelog/changelog.ts'
import type { Hlc } from '../../core/hlc.ts'
import { holdCut, type HeldSnapshot, type HoldOptions } from '../../scan/held-cut.ts'
import { findCut } from './find-cut.ts'
import { windowsOf } from './place-snapshot.ts'
import { checkHistory, passOverFormer } from './source-timeline.ts'

/** The data that another thread needs to read the cut. */
export interface StatementCut {
  readonly snapshot: HeldSnapshot
  /** The time as of which the cut shows the tables. */
  readonly time: Hlc
  /** When the snapshot was taken. */
  readonly sinceMs: number
}

/** Holds the cut until it is disposed of. */
export interface StatementCutHolder extends AsyncDisposable {
  readonly cut: StatementCut
}

/** A log that keeps up reaches the cut within milliseconds. */
const slowMs = 1000

export interface HoldStatementCutOptions extends HoldOptions {
  readonly log: Changelog
  /** A head of the log from before now. */
  readonly startPosition: Position
  /** Called when the log has not reached the cut after some time. */
  readonly catchingUp: (why: string) => void
}

export async function holdStatementCut(options: HoldStatementCutOptions): Promise<StatementCutHolder> {
  const { log, startPosition: from, catchingUp, signal } = options
  const sinceMs = Date.now()
  passOverFormer(options)
  const cut = await holdCut({ ...options, beginWindow: windowsOf(log, signal) })
  const timer = setTimeout(() => catchingUp('waiting for the changelog to reach the present'), slowMs)
  try {
    const time = await findCut({ log, from, point: cut.point, signal })
    signal.throwIfAborted()
    checkHistory(options, cut.timeline)
    return { cut: { snapshot: cut.snapshot, time, sinceMs }, [Symbol.asyncDispose]: () => cut[Symbol.asyncDispose]() }
  } catch (error) {
    await cut[Symbol.asyncDispose]()
    throw error
  } finally {
    clearTimeout(timer)
  }
}
