// What a feed waits for at its sink, looked at once a second: shown as the job's running_status. A scan whose sink stands
// still reads nothing, and its snapshot keeps vacuum from its work: such a snapshot is let go when it is older than the
// setting says. The feed then fails, and its next attempt goes on from the pages that were delivered, as of the same
// moment. A scan that goes on, however slowly, keeps its snapshot: letting it go would only make it take longer.

import { FeedError } from '../../errors/feed-error.ts'
import type { Sink } from '../../sink/sink.ts'

/** A sink that takes longer to open is worth a word. */
const opensWithinMs = 3000

export interface SinkWatchOptions {
  /** The kind of sink that the feed waits for. */
  readonly label: string
  /** How the sink is called while it is being opened. */
  readonly name: string
  /** Undefined: there is no checkpoint from which a scan could go on, so its snapshot stays. */
  readonly maxSnapshotAgeMs: number | undefined
  /** Undefined: nothing any more. */
  readonly waiting: (why: string | undefined) => void
  /** Gives up the feed's sink, and so the attempt. */
  readonly giveUp: (error: FeedError) => void
}

export class SinkWatch {
  readonly #options: SinkWatchOptions
  readonly #openingSinceMs = Date.now()
  #sink: Sink | undefined
  #snapshotSinceMs: number | undefined
  #said: string | undefined

  constructor(options: SinkWatchOptions) {
    this.#options = options
  }

  opened(sink: Sink): void {
    this.#sink = sink
    this.#say(undefined)
  }

  /** The scan reads a snapshot of then; undefined: none any more. */
  readonly holdsSnapshot = (sinceMs: number | undefined): void => {
    this.#snapshotSinceMs = sinceMs
  }

  look(nowMs: number): void {
    const why = this.#why(nowMs)
    this.#say(why === undefined ? undefined : `waiting for ${this.#options.label}: ${why}`)
    if (why !== undefined) this.#letGo(why, nowMs)
  }

  #why(nowMs: number): string | undefined {
    if (this.#sink !== undefined) return this.#sink.stalled?.(nowMs)?.why
    if (nowMs - this.#openingSinceMs < opensWithinMs) return undefined
    return `${this.#options.name} has not been ready since ${new Date(this.#openingSinceMs).toISOString()}`
  }

  #letGo(why: string, nowMs: number): void {
    const { maxSnapshotAgeMs, giveUp } = this.#options
    if (this.#snapshotSinceMs === undefined || maxSnapshotAgeMs === undefined) return
    if (nowMs - this.#snapshotSinceMs < maxSnapshotAgeMs) return
    this.#snapshotSinceMs = undefined
    giveUp(
      new FeedError('FEED_SINK', `the initial scan has let go of its snapshot while ${why}`, {
        detail: `the snapshot is older than changefeed.initial_scan.max_snapshot_age (${maxSnapshotAgeMs / 1000} s); the scan goes on from what was delivered`,
      }),
    )
  }

  #say(why: string | undefined): void {
    if (why === this.#said) return
    this.#said = why
    this.#options.waiting(why)
  }
}
