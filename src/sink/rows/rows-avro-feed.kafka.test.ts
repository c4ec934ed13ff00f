import { SinklessFeed } from '../../../test/feed/sinkless-feed.ts'
import { skipWithoutRegistry } from '../../../test/services/registry/require-registry.ts'
import { SchemaRegistryServer } from '../../../test/services/registry/schema-registry.ts'
import { feedSuite } from '../../../test/suites/feed-suite.ts'

feedSuite('without a sink, in Avro', {
  skip: skipWithoutRegistry,
  hasJob: false,
  showsHints: true,
  showsOldColumns: false,
  async start() {
    const registry = await SchemaRegistryServer.start()
    return {
      open({ server, tables, options, values }) {
        const format = `format = avro, confluent_schema_registry = '${registry.url}'`
        const all = [format, options].filter((text) => text !== '').join(', ')
        const statement = `EXPERIMENTAL CHANGEFEED FOR ${tables.join(', ')} WITH ${all}`
        return SinklessFeed.open(server, statement, { values, registry: registry.url })
      },
      [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
    }
  },
})
