// Kafka under the nemesis: a broker that is killed, stands still, and whose connections are cut.

import { setTimeout as delay } from 'node:timers/promises'
import type { AnswerThief } from '../services/kafka/answer-thief.ts'
import type { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import type { NemesisFarEnd } from './far-end.ts'
import { freeze } from './far-end-troubles.ts'
import { KafkaReader } from './kafka-reader.ts'

const partitions = 3

/** `thief` stands before the broker. */
export function kafkaFarEnd(broker: KafkaBroker, thief: AnswerThief): NemesisFarEnd {
  return {
    name: 'kafka',
    hasKeyInValue: false,
    async read({ prefix, topics, registry }) {
      for (const topic of topics) await broker.createTopic(prefix + topic, partitions)
      const { bootstrap } = broker
      return new KafkaReader({ bootstrap, prefix, topics, registry, partitionsPerTopic: partitions })
    },
    uri: ({ prefix }) => `kafka://${broker.bootstrap}?topic_prefix=${prefix}`,
    options: (random) =>
      random.pick<string>([
        [2, ''],
        [1, `, kafka_sink_config = '{"RequiredAcks": "ALL"}'`],
        [2, `, kafka_sink_config = '{"RequiredAcks": "NONE"}'`],
        [1, `, kafka_sink_config = '{"Compression": "GZIP", "Retry": {"Max": 1, "Backoff": "50ms"}}'`],
      ]),
    events: (random) => [
      [
        2,
        [
          'kill broker',
          async () => {
            await broker.kill()
            await delay(random.int(1500))
            await broker.restart()
          },
        ],
      ],
      [1, ['freeze broker', () => freeze({ break: () => broker.freeze(), mend: () => broker.thaw() }, random)]],
      [
        3,
        [
          'cut connections to the broker',
          async () => {
            for (let i = 0; i < 10; i++) {
              thief.cutAfter(1 + random.int(20_000))
              await delay(random.int(60))
              thief.cut()
            }
            thief.cutAfter(Number.POSITIVE_INFINITY)
          },
        ],
      ],
    ],
    freeze: () => broker.freeze(),
    thaw: () => broker.thaw(),
  }
}
