import { SinklessFeed } from '../../../test/feed/sinkless-feed.ts'
import { feedSuite } from '../../../test/suites/feed-suite.ts'

feedSuite('without a sink', {
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
})
