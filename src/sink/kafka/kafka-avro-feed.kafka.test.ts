// `npm test` runs both halves: the feed into Kafka in JSON, and the feed without a sink in Avro. `npm run test:versions` runs them together.

import { KafkaFeed } from '../../../test/feed/kafka-feed.ts'
import { KafkaBroker } from '../../../test/services/kafka/kafka-broker.ts'
import { skipWithoutRegistry } from '../../../test/services/registry/require-registry.ts'
import { SchemaRegistryServer } from '../../../test/services/registry/schema-registry.ts'
import { serverOfTests } from '../../../test/support/servers/server-of-tests.ts'
import { endTogether, startTogether } from '../../../test/support/services.ts'
import { feedSuite } from '../../../test/suites/feed-suite.ts'

let feeds = 0

feedSuite('of a job into Kafka, in Avro', {
  skip: serverOfTests.tag === 'embedded' ? 'npm run test:versions runs it' : skipWithoutRegistry,
  hasJob: true,
  showsHints: false,
  showsOldColumns: false,
  async start() {
    const [broker, registry] = await startTogether(KafkaBroker.start(), SchemaRegistryServer.start())
    const format = `format = avro, confluent_schema_registry = '${registry.url}', min_checkpoint_frequency = '0s'`
    return {
      open({ server, tables, topics, options, values }) {
        const topicPrefix = `feed${++feeds}_`
        const into = `kafka://${broker.bootstrap}?topic_prefix=${topicPrefix}`
        const all = [format, options].filter((text) => text !== '').join(', ')
        const statement = `CREATE CHANGEFEED FOR ${tables.join(', ')} INTO '${into}' WITH ${all}`
        return KafkaFeed.open({ server, broker, topics, topicPrefix, statement, values, registry: registry.url })
      },
      [Symbol.asyncDispose]: () => endTogether(broker, registry),
    }
  },
})
