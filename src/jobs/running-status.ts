// The text of running_status of a job.

import type { FeedTarget } from '../core/feed-spec.ts'
import { formatHlc, type Hlc } from '../core/hlc.ts'
import { highWaterOf, type JobProgress } from '../core/job-progress.ts'

/** More tables than these are only counted. */
const shownTables = 3

/** Returns the running_status of a feed that waits for nothing. `targets`: the tables of the feed. */
export function runningStatus(progress: JobProgress, targets: readonly FeedTarget[]): string | null {
  // There is nothing to read if a later schema change has changed all rows of the tables again.
  if (progress.tag === 'backfill' && progress.scan.tables.length > 0) {
    const relids = new Set(progress.scan.tables.map(({ relid, root = relid }) => root))
    const names = targets.flatMap(({ relid, tableName }) => (relids.has(relid) ? [tableName] : []))
    return `running: backfilling ${tablesText(names)} after the schema change at ${formatHlc(progress.at)}`
  }
  const highWater = highWaterOf(progress)
  return highWater === undefined ? null : `running: resolved=${readable(highWater)}`
}

function tablesText(names: readonly string[]): string {
  const shown = names.slice(0, shownTables).map((name) => `"${name}"`)
  const more = names.length - shown.length
  return `${names.length === 1 ? 'table' : 'tables'} ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** Prints seconds, nanoseconds and, after a comma, the logical part. */
function readable({ wall, logical }: Hlc): string {
  const nanos = 1_000_000_000n
  return `${wall / nanos}.${String(wall % nanos).padStart(9, '0')},${logical}`
}

/**
 * Returns a similar text as an expression in SQL over the columns of progress and of high-water marks, for a job that has not
 * begun to run again.
 */
export function runningStatusSql(progress: string, highWater: string): string {
  const wall = `trunc(${highWater})`
  return `CASE WHEN ${progress}::jsonb ->> 'tag' = 'backfill' THEN 'running: the backfill after a schema change goes on'
    ELSE 'running: resolved=' || div(${wall}, 1000000000) || '.' || lpad(mod(${wall}, 1000000000)::int8::text, 9, '0') || ',' || ((${highWater} - ${wall}) * 10000000000)::int8 END`
}
