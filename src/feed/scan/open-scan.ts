// Opens the cut that a scan reads: that of the job's statement while it is held, or else a new one.

import { joinCut, openCut, type OpenTables } from '../../scan/cut.ts'
import type { CutTurn } from '../../scan/cut-turn.ts'
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
    return {
      cut: joined,
      time: held.time,
      sinceMs: held.sinceMs,
      [Symbol.asyncDispose]: () => joined[Symbol.asyncDispose](),
    }
  }
  const cut = await openCut(options)
  try {
    const time = await findCut({ log, from, point: cut.point, signal })
    checkHistory({ log, source }, cut.timeline)
    return { cut, time, sinceMs, [Symbol.asyncDispose]: () => cut[Symbol.asyncDispose]() }
  } catch (error) {
    await cut[Symbol.asyncDispose]()
    throw error
  }
}
