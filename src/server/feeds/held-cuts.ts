// Holds the cuts of CREATE CHANGEFEED … INTO. The scan of a job emits the rows that were there when the statement returned,
// even if the job reads them later. A cut is made before the job is created, and held until the scan is complete or the job
// is over, but no longer than the setting says, because vacuum cannot remove rows that its snapshot sees. Each cut takes a connection, so
// only the latest are held, and few are made at the same time. A job whose cut is gone makes another cut and reads the changes since the time of the first one from the log.

import { orAbort } from '../../async/or-abort.ts'
import type { LogStatus, Position } from '../../changelog/changelog.ts'
import type { FeedSpec } from '../../core/feed-spec.ts'
import type { Hlc } from '../../core/hlc.ts'
import { ScanTurns } from '../../feed/pool/scan-turns.ts'
import { holdStatementCut, type StatementCut, type StatementCutHolder } from '../../feed/scan/statement-cut.ts'
import { waitHint } from '../../postgres/explain-wait.ts'
import type { Source } from '../sources/open-source.ts'

export interface HoldCutOptions {
  readonly source: Source
  readonly targets: FeedSpec['targets']
  /** A position that was the head of the log before now. */
  readonly startPosition: Position
  readonly signal: AbortSignal
  readonly waiting: (why: string, hint: string | undefined) => void
}

interface Held {
  readonly holder: StatementCutHolder
  readonly timer: NodeJS.Timeout
}

const mebibyte = 2n ** 20n

/** Says how much WAL ingest still has to read, if that is what takes long. */
function lagText({ sourceLsn, endLsn }: LogStatus): string {
  const lag = sourceLsn - endLsn
  return lag < mebibyte ? '' : `, ${lag / mebibyte} MiB of WAL are to be read`
}

/** How many cuts are held, with a connection for each. */
const mostHeld = 32
/** How many cuts are made at the same time, with two connections for each. */
const mostMade = 12

/** The longest timer of Node; a longer one fires at once. */
const maxTimerMs = 2 ** 31 - 1

export class HeldCuts {
  /** The held cuts by the id of the job. */
  readonly #held = new Map<string, Held>()
  readonly #holdMs: () => number
  readonly #turns = new ScanTurns(mostMade)
  #nextTurn = 1

  constructor(holdMs: () => number) {
    this.#holdMs = holdMs
  }

  /** Makes a cut for a job and returns the time of the cut. */
  async hold(job: string, { source, waiting, ...options }: HoldCutOptions): Promise<Hlc> {
    const { connection, log, ingest } = source
    using _turn = await this.#turn(options.signal, () =>
      waiting('waiting until other changefeeds are created', undefined),
    )
    // The cut needs a closed timestamp, and ingest closes one soon only if a feed demands the log.
    ingest.demand(1)
    try {
      const holder = await holdStatementCut({
        ...options,
        source: connection,
        log,
        waiting: (why) => waiting(why, waitHint),
        catchingUp: (why) =>
          waiting(
            `${why}${lagText(log.status)}`,
            'the statement continues when the changelog has caught up; if it is cancelled, there is no job',
          ),
      })
      const timer = setTimeout(() => void this.release(job), Math.min(this.#holdMs(), maxTimerMs)).unref()
      this.#held.set(job, { holder, timer })
      const [oldest] = this.#held.keys()
      if (this.#held.size > mostHeld && oldest !== undefined) await this.release(oldest)
      return holder.cut.time
    } finally {
      ingest.demand(-1)
    }
  }

  of(job: string): StatementCut | undefined {
    return this.#held.get(job)?.holder.cut
  }

  async #turn(signal: AbortSignal, waits: () => void): Promise<Disposable> {
    const turn = this.#nextTurn++
    const granted = Promise.withResolvers<void>()
    const end = (): void => this.#turns.end(turn)
    if (!this.#turns.ask(turn, granted.resolve)) waits()
    await orAbort(granted.promise, signal).catch((error: unknown) => {
      end()
      throw error
    })
    return { [Symbol.dispose]: end }
  }

  /** Ends the snapshot of a cut. A feed that has begun to read the cut is not disturbed. */
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
