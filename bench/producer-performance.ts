// Kafka's own producer benchmark: what the broker takes from one producer, in messages of a given size.
//
// BENCH_RECORDS: how many (1,000,000).

import type { KafkaBroker } from '../test/services/kafka/kafka-broker.ts'
import { kafkaJars } from '../test/services/kafka/kafka-jars.ts'
import { endedChildrenCpu } from './process-usage.ts'
import { runProgram } from './run-program.ts'

const records = Number(process.env['BENCH_RECORDS'] ?? 1_000_000)

/** Records per second as it reports them, the start of the JVM left out; its CPU seconds, that included. */
export async function producerPerformance(
  broker: KafkaBroker,
  messageBytes: number,
): Promise<{ readonly perSecond: number; readonly cpu: number; readonly records: number }> {
  const topic = `producer-${messageBytes}-${Date.now()}`
  await broker.createTopic(topic)
  const before = endedChildrenCpu()
  const jvm = ['-Xmx512m', '-XX:+UseSerialGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']
  const load = `--topic ${topic} --num-records ${records} --record-size ${messageBytes} --throughput -1`.split(' ')
  const settings = ['acks=1', 'batch.size=262144', 'linger.ms=5'].flatMap((text) => ['--command-property', text])
  settings.push('--bootstrap-server', broker.bootstrap)
  const program = 'org.apache.kafka.tools.ProducerPerformance'
  const printed = await runProgram('java', [...jvm, '-cp', kafkaJars(), program, ...load, ...settings])
  const perSecond = Number(new RegExp(`^${records} records sent, ([\\d.]+) records/sec`, 'm').exec(printed)?.[1])
  if (Number.isNaN(perSecond)) throw new Error(`ProducerPerformance: ${printed}`)
  return { perSecond, cpu: endedChildrenCpu() - before, records }
}
