// What every feed promises, where somebody else has started PostgreSQL: as its superuser, and as a role of few rights.

import { SinklessFeed } from '../feed/sinkless-feed.ts'
import type { FeedKit } from '../suites/feed-kit.ts'
import { feedSuite } from '../suites/feed-suite.ts'
import { prepared, startAttached } from './attached.ts'

/** For mvcc_timestamp of scanned rows. */
const settings = { track_commit_timestamp: 'on' }

const kit: FeedKit = {
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
}

feedSuite('attached to 17, as the superuser', {
  ...kit,
  startServer: async () => (await startAttached({ version: 17, settings })).server,
})

feedSuite('attached to 18, as a role of few rights', {
  ...kit,
  startServer: async () => (await startAttached({ version: 18, settings, ...prepared })).server,
  prepareSql: prepared.tableSql,
})
