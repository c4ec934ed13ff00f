// What the benches into Kafka share: a broker, a sink of ours into one topic, and how many messages a topic holds.

import { Admin } from '@platformatic/kafka'
import type { KafkaSinkSpec } from '../src/sink/kafka/spec.ts'
import { KafkaBroker } from '../test/services/kafka/kafka-broker.ts'
import { specOf } from '../test/services/kafka/sink-kit.ts'
import { starting } from './ends-with-us.ts'

/** As fast as it runs, not as fast as it starts. */
export async function startBroker(): Promise<KafkaBroker> {
  return starting(() => KafkaBroker.start({ jvmFlags: [] }))
}

export function kafkaSink(broker: KafkaBroker, topic: string): KafkaSinkSpec {
  return specOf(broker.bootstrap, topic, {
    sources: [topic],
    clientId: 'bench',
    retry: { max: 3, backoffMs: 100 },
  })
}

/** Of topics with one partition. */
export class TopicCounter implements AsyncDisposable {
  readonly #admin: Admin

  constructor(broker: KafkaBroker) {
    this.#admin = new Admin({ clientId: 'bench-counter', bootstrapBrokers: [broker.bootstrap], retries: 0 })
  }

  async count(topic: string): Promise<number> {
    const partitions = [{ partitionIndex: 0, timestamp: -1n }]
    const [listed] = await this.#admin.listOffsets({ topics: [{ name: topic, partitions }] })
    return Number(listed?.partitions[0]?.offset ?? 0n)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.close()
  }
}
