// Runs a changefeed, of a statement or of a job, with everything that it needs: a place in the pool of feeds, a source whose
// timestamps are closed often, reports of trouble with the source, and an end when its user loses a right.

import type { FeedStart } from '../../feed/pool/feed-messages.ts'
import type { FeedHandlers, FeedPool } from '../../feed/pool/feed-pool.ts'
import type { TroubleListener } from '../../ingest/trouble.ts'
import type { Source } from '../sources/open-source.ts'
import type { RightsWatch, WatchedRights } from './rights-watch.ts'

export interface StartingFeed {
  readonly feeds: FeedPool
  readonly rights: RightsWatch
  readonly source: Source
  /** The rights that the feed needs as long as it runs. */
  readonly needed: WatchedRights
  /** Called with trouble of the source, and when the trouble is over. */
  readonly trouble: TroubleListener
  /** Called when everything is ready, before the feed starts. If it throws, the feed ends. */
  readonly begins?: () => Promise<void>
  readonly start: Omit<FeedStart, 'log' | 'source'>
  readonly handlers: FeedHandlers
  readonly signal: AbortSignal
}

/** Settles when the feed has ended by itself; throws the error that ended it, or the reason of the signal. */
export async function startFeed(starting: StartingFeed): Promise<void> {
  const { feeds, rights, source, needed, trouble, begins, start, handlers, signal } = starting
  const lost = new AbortController()
  source.ingest.demand(1)
  const unheard = source.ingest.trouble.listen(trouble)
  const unwatched = rights.watch(needed, (error) => lost.abort(error))
  try {
    await begins?.()
    await feeds.run(
      { ...start, log: source.handle, source: source.connection },
      handlers,
      AbortSignal.any([signal, lost.signal]),
    )
  } finally {
    unwatched()
    unheard()
    source.ingest.demand(-1)
  }
}
