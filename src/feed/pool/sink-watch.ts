// Checks once a second what a feed waits for at its sink, which is shown as the job's running_status. A scan whose sink
// takes nothing reads nothing, and its snapshot keeps vacuum from its work. Such a snapshot is given up when it is older
// than the setting says: the feed fails, and its next attempt continues after the pages that were delivered, as of the same
// time. A scan that makes progress, however slowly, keeps its snapshot: without it, the scan would only take longer.

import { FeedError } from '../../errors/feed-error.ts'
import type { Sink } from '../../sink/sink.ts'

/** A sink that takes longer to open is reported. */
const opensWithinMs = 3000

export interface SinkWatchOptions {
  /** The kind of sink that the feed waits for. */
  readonly label: string
  /** The name of the sink in the report while it is being opened. */
  readonly name: string
  /** The most time for which a stalled sink keeps a snapshot; undefined if the snapshot is kept, because no checkpoint is saved from which a scan could continue. */
  readonly maxSnapshotAgeMs: number | undefined
  /** Called with what the feed waits for when that changes; undefined: it waits for nothing. */
  readonly waiting: (why: string | undefined) => void
  /** Ends the sink, and with it this attempt of the feed. */
  readonly giveUp: (error: FeedError) => void
}

export class SinkWatch {
  readonly #options: SinkWatchOptions
  readonly #openingSinceMs = Date.now()
  #sink: Sink | undefined
  #snapshotSinceMs: number | undefined
  #reported: string | undefined

  constructor(options: SinkWatchOptions) {
    this.#options = options
  }

  opened(sink: Sink): void {
    this.#sink = sink
    this.#report(undefined)
  }

  /** Called when a scan has taken its snapshot, and with undefined when it needs the snapshot no more. */
  readonly holdsSnapshot = (sinceMs: number | undefined): void => {
    this.#snapshotSinceMs = sinceMs
  }

  /** Called once a second. Returns whether the feed waits for its sink. */
  check(nowMs: number): boolean {
    const why = this.#why(nowMs)
    this.#report(why === undefined ? undefined : `waiting for ${this.#options.label}: ${why}`)
    if (why !== undefined) this.#giveUpSnapshot(why, nowMs)
    return why !== undefined
  }

  #why(nowMs: number): string | undefined {
    if (this.#sink !== undefined) return this.#sink.stalled?.(nowMs)?.why
    if (nowMs - this.#openingSinceMs < opensWithinMs) return undefined
    return `${this.#options.name} has not been ready since ${new Date(this.#openingSinceMs).toISOString()}`
  }

  #giveUpSnapshot(why: string, nowMs: number): void {
    const { maxSnapshotAgeMs, giveUp } = this.#options
    if (this.#snapshotSinceMs === undefined || maxSnapshotAgeMs === undefined) return
    if (nowMs - this.#snapshotSinceMs < maxSnapshotAgeMs) return
    this.#snapshotSinceMs = undefined
    giveUp(
      new FeedError('FEED_SINK', `the scan has given up its snapshot while ${why}`, {
        detail: `the snapshot is older than changefeed.initial_scan.max_snapshot_age (${maxSnapshotAgeMs / 1000} s); the next attempt continues after what was delivered`,
      }),
    )
  }

  #report(why: string | undefined): void {
    if (why === this.#reported) return
    this.#reported = why
    this.#options.waiting(why)
  }
}
