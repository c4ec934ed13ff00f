import { openWebhookFeed } from '../../../test/feed/webhook-feed.ts'
import { HookServer } from '../../../test/services/webhook/hook-server.ts'
import { feedSuite } from '../../../test/suites/feed-suite.ts'

let feeds = 0

feedSuite('of a job into a webhook', {
  hasJob: true,
  showsHints: false,
  showsOldColumns: true,
  async start() {
    const hooks = await HookServer.start()
    return {
      open({ server, tables, options, values }) {
        const path = `/feed${++feeds}`
        const all = ["min_checkpoint_frequency = '0s'", options].filter((text) => text !== '').join(', ')
        const statement = `CREATE CHANGEFEED FOR ${tables.join(', ')} INTO '${hooks.uri(path)}' WITH ${all}`
        return openWebhookFeed({ server, hooks, path, statement, values })
      },
      [Symbol.asyncDispose]: () => hooks[Symbol.asyncDispose](),
    }
  },
})
