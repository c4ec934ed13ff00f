// Ends calls of a client that take longer than `cloudstorage.timeout` says. Clients see to it themselves that bytes move.

import { orAbort } from '../../async/or-abort.ts'
import { formatDuration } from '../../core/duration.ts'
import { FeedError } from '../../errors/feed-error.ts'

/** The longest timer of Node; a longer one fires at once. */
const maxTimerMs = 2 ** 31 - 1

export class TimeLimit {
  readonly #ms: number
  readonly #late: FeedError

  /** `name`: the place, for the message. `ms`: 0 is no limit. */
  constructor(name: string, ms: number) {
    this.#ms = ms > 0 ? Math.min(ms, maxTimerMs) : maxTimerMs
    const shown = formatDuration(BigInt(Math.round(this.#ms * 1e6)))
    this.#late = new FeedError('FEED_SINK', `${name} took longer than ${shown} for a file or a part of one`, {
      hint: 'the cluster setting cloudstorage.timeout is the limit, from the next start of the job on; a smaller file_size needs less time',
    })
  }

  /** Whether a call has failed with it. */
  isLate(error: unknown): error is FeedError {
    return error === this.#late
  }

  /** Settles as `work` does, or throws when the time is up or `signal` aborts. */
  async run<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(this.#late), this.#ms)
    const both = AbortSignal.any([signal, late.signal])
    try {
      return await orAbort(work(both), both)
    } finally {
      clearTimeout(timer)
    }
  }
}
