// A scan: every row that some tables have at one time, as messages that all carry this time. The scan of a job is saved
// in the course of it, and a restart continues where it was (scan-checkpoint.ts).
//
// A scan reads a cut that is held for it, or makes a new one, which is later than the time that is asked for. Then it finds
// the rows of that time with what the log says of the time in between. Where the log lacks the old values that this takes, it
// emits the changes in between first, and then the rows as of the cut. When another session waits for a lock of the cut, or
// another feed for connections while this one does not get on, the scan gives the cut up, and goes on with a new one:
//
//   open the cut ──► find the rows of `at` ──────────────────────────────► read ──► done
//      ▲                 └── not in the log ──► catch up to the cut ────────┘│
//      └────────────────────────── let others pass ◄──────────────────────────┘

import { setTimeout as delay } from 'node:timers/promises'
import type { Hlc } from '../../core/hlc.ts'
import type { LockWatch } from '../../scan/lock-watch.ts'
import type { OpenTables } from '../../scan/cut.ts'
import type { Feed } from '../phases.ts'
import { CutReading } from './cut-reading.ts'
import { GivingWay } from './giving-way.ts'
import { openScan } from './open-scan.ts'
import type { ScanRequest } from './scan-request.ts'
import { WantedRows, type Found, type Moved } from './wanted-rows.ts'

/** Emits the scan and returns its time. Later changes are in the log. */
export async function scanTables(feed: Feed, request: ScanRequest): Promise<Hlc> {
  const { run } = feed
  using wanted = new WantedRows(feed, request)
  const givingWay = new GivingWay()
  for (;;) {
    await wanted.readAhead()
    await using open = await openScan(run, { ...request, tables: wanted.tables }, givingWay.hasGivenWay)
    const { cut, sinceMs, watch } = open
    const cutTables = { time: open.time, tables: cut.tables }
    run.holdsSnapshot?.(sinceMs)
    let found: Found | Moved = await wanted.find(cutTables)
    if (found.tag === 'lacking') {
      // The rows of a schema change can be read at any later cut, so none is held while many changes are emitted.
      if (request.reason === 'backfill') {
        run.holdsSnapshot?.(undefined)
        await close(cut, watch)
      }
      found = await wanted.moveTo(cutTables, found.why)
    }
    if (found.tag === 'end') return found.at
    if (found.tag === 'again') continue
    const reading = new CutReading({
      feed,
      request,
      cut,
      watch,
      at: found.at,
      wanted,
      chunkPages: givingWay.chunkPages,
    })
    const isComplete = await reading.run()
    run.holdsSnapshot?.(undefined)
    if (isComplete) {
      await close(cut, watch)
      await wanted.emitMissed()
      await wanted.emitStash()
      return found.at
    }
    const waiter = await watch.end()
    wanted.done = reading.progress.tables
    givingWay.gaveWay(reading.hasFinished)
    if (waiter !== undefined) run.waiting?.(`giving way to ${waiter}, which waits for a lock on its tables`)
    else if (reading.lockedBy !== undefined) run.waiting?.(`giving way to ${reading.lockedBy}`)
    await close(cut, watch)
    await pause(givingWay.pauseMs, run.signal)
  }
}

/** Ends the transactions of the cut, which is not needed any more. */
async function close(cut: OpenTables, watch: LockWatch): Promise<void> {
  await watch.end()
  await cut[Symbol.asyncDispose]()
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined)
  signal.throwIfAborted()
}
