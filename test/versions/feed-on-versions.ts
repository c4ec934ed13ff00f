// What every feed promises, on every version of PostgreSQL that is supported, over TLS with SCRAM: as one role or as the other, and
// on 18 as both. `npm run test:versions` runs all versions with both, and more suites.

import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { startAttached, type AttachedOptions } from '../server/attached.ts'
import { feedSuite } from '../suites/feed-suite.ts'
import { skipVersion, type PostgresVersion } from '../support/servers/postgres-versions.ts'

export interface RoleOfFeeds {
  /** Ends the name of each suite. */
  readonly name: string
  readonly versions: readonly PostgresVersion[]
  readonly options: Pick<AttachedOptions, 'role' | 'sql' | 'flags'>
  /** What each new table needs. */
  readonly tableSql?: (table: string) => string
}

export function feedOnVersions({ name, versions, options, tableSql }: RoleOfFeeds): void {
  for (const version of versions) {
    const start = async () =>
      startAttached({
        ...options,
        version,
        tls: true,
        auth: 'scram-sha-256',
        // For mvcc_timestamp of scanned rows.
        settings: { track_commit_timestamp: 'on' },
      })
    feedSuite(`PostgreSQL ${version}, ${name}`, {
      skip: skipVersion(version),
      hasJob: false,
      showsHints: true,
      showsOldColumns: true,
      start: async () => ({
        open: ({ server, tables, options: words, values }) =>
          SinklessFeed.open(
            server,
            `EXPERIMENTAL CHANGEFEED FOR ${tables.join(', ')} ${words === '' ? '' : `WITH ${words}`}`,
            { values },
          ),
        [Symbol.asyncDispose]: async () => undefined,
      }),
      startServer: async () => (await start()).server,
      ...(tableSql === undefined ? {} : { prepareSql: tableSql }),
    })
  }
}
