import { openPubsubFeed } from '../../../test/feed/pubsub-feed.ts'
import { TestServer } from '../../../test/server/test-server.ts'
import { PubsubFront } from '../../../test/services/pubsub/pubsub-front.ts'
import { skipWithoutGo } from '../../../test/services/go-program.ts'
import { PubsubServer } from '../../../test/services/pubsub/pubsub-server.ts'
import { feedSuite } from '../../../test/suites/feed-suite.ts'

let feeds = 0
let far: Promise<readonly [PubsubServer, PubsubFront]> | undefined

/** The servers of the suite start with the address of the front in their environment. */
function farEnd(): Promise<readonly [PubsubServer, PubsubFront]> {
  return (far ??= (async () => {
    const pubsub = await PubsubServer.start()
    const front = await PubsubFront.start({ server: pubsub })
    process.env['PUBSUB_EMULATOR_HOST'] = front.address
    return [pubsub, front]
  })())
}

feedSuite('of a job into Pub/Sub', {
  skip: skipWithoutGo,
  hasJob: true,
  showsHints: false,
  showsOldColumns: true,
  async startServer() {
    await farEnd()
    return TestServer.start()
  },
  async start() {
    const [pubsub, front] = await farEnd()
    return {
      open({ server, tables, options, values }) {
        const project = `feed-${++feeds}`
        const all = ["min_checkpoint_frequency = '0s'", options].filter((text) => text !== '').join(', ')
        const uri = `gcpubsub://${project}?region=us-east1&AUTH=implicit`
        const statement = `CREATE CHANGEFEED FOR ${tables.join(', ')} INTO '${uri}' WITH ${all}`
        return openPubsubFeed({ server, front, project, statement, values })
      },
      async [Symbol.asyncDispose]() {
        delete process.env['PUBSUB_EMULATOR_HOST']
        await front[Symbol.asyncDispose]()
        await pubsub[Symbol.asyncDispose]()
      },
    }
  },
})
