import { SinklessFeed } from '../../../test/feed/sinkless-feed.ts'
import { needsPartitionedTables } from '../../../test/support/servers/server-of-tests.ts'
import type { FeedKit } from '../../../test/suites/feed-kit.ts'
import { feedSuite } from '../../../test/suites/feed-suite.ts'

const kit = {
  hasJob: false,
  showsHints: true,
  showsOldColumns: true,
  start: async () => ({
    open: ({ server, tables, options, values }) =>
      SinklessFeed.open(
        server,
        `EXPERIMENTAL CHANGEFEED FOR ${tables.join(', ')} ${options === '' ? '' : `WITH ${options}`}`,
        { values },
      ),
    [Symbol.asyncDispose]: async () => undefined,
  }),
} as const satisfies FeedKit

feedSuite('without a sink', kit)
feedSuite('of partitioned tables without a sink', { ...kit, isPartitioned: true, skip: needsPartitionedTables })
