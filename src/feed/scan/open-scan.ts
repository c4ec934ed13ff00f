// Opens the cut that a scan reads: that of the job's statement while it is held, or else a new one.

import { joinCut, openCut, type OpenTables } from '../../scan/cut.ts'
import type { CutTurn } from '../../scan/cut-turn.ts'
import { LockWatch } from '../../scan/lock-watch.ts'
import type { FeedRun } from '../feed-run.ts'
import { findCut } from './find-cut.ts'
import { windowsOf } from './place-snapshot.ts'
import { checkHistory, passOverFormer } from './source-timeline.ts'
import { factsOfReason, type ScanRequest } from './scan-request.ts'
import type { StatementCut } from './statement-cut.ts'

/** Connections that read side by side. */
const scanConnections = 2

export interface OpenScan extends AsyncDisposable, Pick<StatementCut, 'time' | 'sinceMs'> {
  readonly cut: OpenTables
  /** It has begun with the cut: the log may be long in coming to it. */
  readonly watch: LockWatch
}

/** `isAgain`: an earlier cut of the scan was given up for DDL. */
export async function openScan(run: FeedRun, { reason, tables }: ScanRequest, isAgain: boolean): Promise<OpenScan> {
  const { log, source, signal, waiting } = run
  const facts = factsOfReason(reason)
  const { usesStatementCut } = facts
  const isPatient = isAgain || facts.isPatient
  let from = log.status.head
  let sinceMs = Date.now()
  const takeTurn = async (): Promise<CutTurn | undefined> => {
    const turn = await run.scanTurn?.(reason)
    from = log.status.head
    sinceMs = Date.now()
    return turn
  }
  passOverFormer({ log, source })
  const options = {
    source,
    targets: tables,
    connections: scanConnections,
    signal,
    isPatient,
    waiting,
    takeTurn,
    beginWindow: windowsOf(log, signal),
  }
  const held = usesStatementCut ? run.statementCut : undefined
  const joined = held === undefined ? undefined : await joinCut(held.snapshot, options)
  if (held !== undefined && joined !== undefined) {
    const { time, sinceMs: heldSinceMs } = held
    return watched(joined, { time, sinceMs: heldSinceMs }, signal)
  }
  const cut = await openCut(options)
  const open = watched(cut, { sinceMs }, signal)
  try {
    const time = await findCut({ log, from, point: cut.point, signal })
    checkHistory({ log, source }, cut.timeline)
    return { ...open, time }
  } catch (error) {
    await open[Symbol.asyncDispose]()
    throw error
  }
}

function watched<T>(
  cut: OpenTables,
  known: T,
  signal: AbortSignal,
): Pick<OpenScan, 'cut' | 'watch'> & T & AsyncDisposable {
  const watch = new LockWatch(cut, signal)
  return {
    ...known,
    cut,
    watch,
    async [Symbol.asyncDispose](): Promise<void> {
      watch[Symbol.dispose]()
      await cut[Symbol.asyncDispose]()
    },
  }
}
