// The first phase of most feeds: every row that its tables have at one time. The time of a job's scan is that of its
// statement, or the cursor that its statement gave.

import { compareHlc } from '../../core/hlc.ts'
import type { Feed, Phase } from '../phases.ts'
import { scanTables } from './scan-tables.ts'

export async function initialScan(
  feed: Feed,
  { at: wanted, done, head }: Extract<Phase, { tag: 'initial-scan' }>,
): Promise<Phase> {
  const { run, delivery } = feed
  const { spec } = run
  const at = await scanTables(feed, {
    reason: 'initial',
    tables: spec.targets,
    at: wanted,
    isExact: spec.cursor !== undefined && wanted !== undefined && compareHlc(spec.cursor, wanted) <= 0,
    done,
  })
  if (spec.initialScan === 'only') {
    run.progress.frontier = at
    await delivery.save({ tag: 'following', highWater: at })
    return { tag: 'ended' }
  }
  await delivery.endScan(at)
  return { tag: 'following', after: at, from: wanted === undefined ? head : undefined }
}
