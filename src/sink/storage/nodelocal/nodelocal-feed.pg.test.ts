import { join } from 'node:path'
import { StorageFeed } from '../../../../test/feed/storage-feed.ts'
import { feedSuite } from '../../../../test/suites/feed-suite.ts'

let feeds = 0

feedSuite('of a job into files', {
  hasJob: true,
  showsHints: false,
  showsOldColumns: true,
  async start() {
    return {
      open({ server, tables, options, values }) {
        const path = `feed${++feeds}`
        const all = ["min_checkpoint_frequency = '0s'", options].filter((text) => text !== '').join(', ')
        const statement = `CREATE CHANGEFEED FOR ${tables.join(', ')} INTO 'nodelocal://1/${path}' WITH ${all}`
        return StorageFeed.open({ server, folder: join(server.storeDir, 'extern', path), statement, values })
      },
      async [Symbol.asyncDispose]() {},
    }
  },
})
