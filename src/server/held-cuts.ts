// The cuts of CREATE CHANGEFEED … INTO: what a job's scan gives is what was there when its statement returned, even if the
// job comes to read it later. A cut is made before the job is there and held until the scan is complete or the job is
// over, but no longer than the setting says: vacuum cannot remove what its snapshot sees. A job that finds its cut gone
// makes another one and reads the log back to the time of this one.

import type { FeedSpec } from '../core/feed-spec.ts'
import type { Hlc } from '../core/hlc.ts'
import { findCut } from '../feed/find-cut.ts'
import type { HeldScan } from '../feed/initial-scan.ts'
import { holdCut, type HeldCut } from '../scan/held-cut.ts'
import type { Source } from './sources.ts'

export interface HoldCutOptions {
  readonly source: Source
  readonly targets: FeedSpec['targets']
  /** A head of the log from before now. */
  readonly startPosition: number
  readonly signal: AbortSignal
  readonly waiting: (why: string) => void
}

interface Held {
  readonly cut: HeldCut
  readonly scan: HeldScan
  readonly timer: NodeJS.Timeout
}

export class HeldCuts {
  /** By job. */
  readonly #held = new Map<string, Held>()
  readonly #holdMs: () => number

  constructor(holdMs: () => number) {
    this.#holdMs = holdMs
  }

  /** Gives the time of the cut. */
  async hold(job: string, options: HoldCutOptions): Promise<Hlc> {
    const { source, targets, startPosition: from, signal, waiting } = options
    const cut = await holdCut({ source: source.connection, targets, signal, waiting })
    // The log may have to come this far, which a quiet one does at once.
    source.ingest.demand(1)
    try {
      const closeNow = (): void => source.ingest.closeNow()
      const time = await findCut({ log: source.log, from, point: cut.point, closeNow, signal })
      signal.throwIfAborted()
      const timer = setTimeout(() => void this.release(job), this.#holdMs()).unref()
      this.#held.set(job, { cut, scan: { snapshot: cut.snapshot, time }, timer })
      return time
    } catch (error) {
      await cut[Symbol.asyncDispose]()
      throw error
    } finally {
      source.ingest.demand(-1)
    }
  }

  of(job: string): HeldScan | undefined {
    return this.#held.get(job)?.scan
  }

  /** Whoever reads the cut already is not disturbed. */
  async release(job: string): Promise<void> {
    const held = this.#held.get(job)
    this.#held.delete(job)
    clearTimeout(held?.timer)
    await held?.cut[Symbol.asyncDispose]()
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#held.keys(), (job) => this.release(job)))
  }
}
