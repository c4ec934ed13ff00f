// Whether rows are read from the server that the changelog is written from. Of several servers that can be written to, one may be a
// former primary: its rows and its positions in the WAL are of another history, which only its timeline shows.

import type { Changelog } from '../../changelog/changelog.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { noteTimeline, type ClusterTimeline } from '../../postgres/known-timelines.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'

export interface LogOfSource {
  readonly log: Pick<Changelog, 'readNote'>
  readonly source: SourceConnection
}

/** To be called before connections to the source are opened: former primaries are passed over, as far as they are known. */
export function passOverFormer({ log, source }: LogOfSource): void {
  const followed = followedBy(log)
  if (followed !== undefined) noteTimeline(source, followed)
}

/** Throws if what was read on `timeline` is not of the history that the log follows. To be called when the log has come to its position. */
export function checkHistory({ log, source }: LogOfSource, timeline: number): void {
  const followed = followedBy(log)?.timeline
  if (followed === undefined || followed === timeline) return
  passOverFormer({ log, source })
  throw new FeedError(
    'FEED_SOURCE_DOWN',
    `PostgreSQL writes timeline ${timeline} where rows were read, and timeline ${followed} where changes are read: a standby was promoted`,
    { hint: 'try again' },
  )
}

/** Ingest keeps it with the log. Undefined: the log is new, or of an earlier version. */
function followedBy(log: Pick<Changelog, 'readNote'>): ClusterTimeline | undefined {
  const label = log.readNote('source')
  if (label === undefined) return undefined
  const { systemIdentifier, timeline } = JSON.parse(label) as Omit<ClusterTimeline, 'timeline'> &
    Partial<ClusterTimeline>
  return timeline === undefined ? undefined : { systemIdentifier, timeline }
}
