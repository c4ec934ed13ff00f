// The cuts of CREATE CHANGEFEED … INTO: what a job's scan gives is what was there when its statement returned, even if the
// job comes to read it later. A cut is made before the job is there and held until the scan is complete or the job is
// over, but no longer than the setting says: vacuum cannot remove what its snapshot sees. A job that finds its cut gone
// makes another one and reads the log back to the time of this one.

import type { LogStatus, Position } from '../../changelog/changelog.ts'
import type { FeedSpec } from '../../core/feed-spec.ts'
import type { Hlc } from '../../core/hlc.ts'
import { holdStatementCut, type StatementCut, type StatementCutHolder } from '../../feed/scan/statement-cut.ts'
import { waitHint } from '../../postgres/explain-wait.ts'
import type { Source } from '../sources/open-source.ts'

export interface HoldCutOptions {
  readonly source: Source
  readonly targets: FeedSpec['targets']
  /** A head of the log from before now. */
  readonly startPosition: Position
  readonly signal: AbortSignal
  readonly waiting: (why: string, hint: string | undefined) => void
}

interface Held {
  readonly holder: StatementCutHolder
  readonly timer: NodeJS.Timeout
}

const mebibyte = 2n ** 20n

/** How much WAL ingest has still to read, where that is what takes long. */
function lagText({ sourceLsn, endLsn }: LogStatus): string {
  const lag = sourceLsn - endLsn
  return lag < mebibyte ? '' : `, ${lag / mebibyte} MiB of WAL are to be read`
}

/** A longer timer goes off at once. */
const maxTimerMs = 2 ** 31 - 1

export class HeldCuts {
  /** By job. */
  readonly #held = new Map<string, Held>()
  readonly #holdMs: () => number

  constructor(holdMs: () => number) {
    this.#holdMs = holdMs
  }

  /** Gives the time of the cut. */
  async hold(job: string, { source, waiting, ...options }: HoldCutOptions): Promise<Hlc> {
    const { connection, log, ingest } = source
    // The log may have to come this far, which a quiet one does at once.
    ingest.demand(1)
    try {
      const holder = await holdStatementCut({
        ...options,
        source: connection,
        log,
        waiting: (why) => waiting(why, waitHint),
        catchingUp: (why) =>
          waiting(`${why}${lagText(log.status)}`, 'it goes on when it is there; cancelling it leaves no job'),
      })
      const timer = setTimeout(() => void this.release(job), Math.min(this.#holdMs(), maxTimerMs)).unref()
      this.#held.set(job, { holder, timer })
      return holder.cut.time
    } finally {
      ingest.demand(-1)
    }
  }

  of(job: string): StatementCut | undefined {
    return this.#held.get(job)?.holder.cut
  }

  /** Whoever reads the cut already is not disturbed. */
  async release(job: string): Promise<void> {
    const held = this.#held.get(job)
    this.#held.delete(job)
    clearTimeout(held?.timer)
    await held?.holder[Symbol.asyncDispose]()
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#held.keys(), (job) => this.release(job)))
  }
}
