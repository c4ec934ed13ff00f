import { KafkaFeed } from '../../../test/feed/kafka-feed.ts'
import { KafkaBroker } from '../../../test/services/kafka/kafka-broker.ts'
import { skipWithoutKafka } from '../../../test/services/kafka/require-kafka.ts'
import { feedSuite } from '../../../test/suites/feed-suite.ts'

let feeds = 0

feedSuite('of a job into Kafka', {
  skip: skipWithoutKafka,
  hasJob: true,
  showsHints: false,
  showsOldColumns: true,
  async start() {
    const broker = await KafkaBroker.start()
    return {
      open({ server, tables, topics, options, values }) {
        const topicPrefix = `feed${++feeds}_`
        const into = `kafka://${broker.bootstrap}?topic_prefix=${topicPrefix}`
        const all = ["min_checkpoint_frequency = '0s'", options].filter((text) => text !== '').join(', ')
        const statement = `CREATE CHANGEFEED FOR ${tables.join(', ')} INTO '${into}' WITH ${all}`
        return KafkaFeed.open({ server, broker, topics, topicPrefix, statement, values })
      },
      [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
    }
  },
})
