// What every changefeed needs while it runs, a statement's as well as a job's: a place in the pool of feeds, a source that
// is read, word of what is wrong with the source, and an end when a right is taken back. All of it is given back when the
// feed is over.

import type { FeedStart } from '../../feed/pool/feed-messages.ts'
import type { FeedHandlers, FeedPool } from '../../feed/pool/feed-pool.ts'
import type { TroubleListener } from '../../ingest/trouble.ts'
import type { Source } from '../sources/open-source.ts'
import type { RightsWatch, WatchedRights } from './rights-watch.ts'

export interface StartingFeed {
  readonly feeds: FeedPool
  readonly rights: RightsWatch
  readonly source: Source
  /** Whose rights on which tables the feed needs as long as it runs. */
  readonly needed: WatchedRights
  /** Learns what is wrong with the source, and when it is over. */
  readonly trouble: TroubleListener
  /** Called when all is ready and before the feed starts; what it throws ends the feed. */
  readonly begins?: () => Promise<void>
  readonly start: Omit<FeedStart, 'log' | 'source'>
  readonly handlers: FeedHandlers
  readonly signal: AbortSignal
}

/** Settles when the feed has come to its own end; throws what ended it, or the signal's reason. */
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
