// The promises of a changefeed to whoever reads it, as tests of the whole program: over a feed without a sink, and over a
// job with any sink. A sink calls `feedSuite` from the tests of its own folder with a kit (feed-kit.ts).

import { after, before, describe } from 'node:test'
import { feedBackfills } from './feed-backfills.ts'
import { feedChangesTables } from './feed-changes-tables.ts'
import { feedEnds } from './feed-ends.ts'
import { FeedWorld, type FeedKit } from './feed-kit.ts'
import { feedOfJob } from './feed-of-job.ts'
import { feedTellsRows } from './feed-tells-rows.ts'
import { feedTellsTimes } from './feed-tells-times.ts'

export function feedSuite(name: string, kit: FeedKit): void {
  const { skip = false } = kit
  describe(`the feed ${name}`, () => {
    let world: FeedWorld
    before(async () => {
      if (skip === false) world = await FeedWorld.start(kit)
    })
    after(async () => world?.[Symbol.asyncDispose]())
    const context = { kit, world: () => world }
    feedTellsRows(context)
    feedTellsTimes(context)
    feedChangesTables(context)
    feedBackfills(context)
    feedEnds(context)
    if (kit.hasJob) feedOfJob(context)
  })
}
