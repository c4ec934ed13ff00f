// A backlog into Kafka: rows that wait in the slot → changelog → JSON → a real broker, beside our own null sink on the
// same contents and Kafka's own ProducerPerformance with messages of the same size, in one run. Ours is a process of
// its own: CPU time and memory are of ingest, feed and sink alone. With --peer=debezium a tuned Debezium drains a slot of
// its own, with the same contents, into the same broker.
//
// BENCH_LOADS: see waiting-rows.ts. BENCH_RECORDS: see producer-performance.ts.

import { kafkaSink, startBroker, TopicCounter } from './bench-kafka.ts'
import { BenchSource, type RunCost } from './bench-source.ts'
import { prepareDebezium } from './debezium.ts'
import { benchFlags } from './flags.ts'
import { runPeer } from './peer-work.ts'
import { printRatio, printTable, type Cell } from './print-table.ts'
import { producerPerformance } from './producer-performance.ts'
import { createNarrow, loads, writeNarrow, type Load } from './waiting-rows.ts'

const { peer: withPeer } = benchFlags('kafka')
const cpuHeadings = ['CPU s', 'a million', 'ingest', 'feed', 'rest', 'PostgreSQL CPU s', 'broker CPU s']
await using broker = await startBroker()
await using counter = new TopicCounter(broker)
for (const load of loads) await drain(load)

async function drain(load: Load): Promise<void> {
  await using bench = await BenchSource.open()
  await createNarrow(bench.control)
  await bench.watch('public.narrow')
  if (withPeer) await prepareDebezium(bench.control, 'public.narrow')
  await writeNarrow(bench.control, load)

  const none = await bench.drain(load.rows, { tag: 'null' })
  const messageBytes = Math.round(none.bytes / load.rows)
  // Also compiles the broker's code: brokers have been up for a while, as our own process has (feed-process.ts).
  const [producer, producerBroker] = await withBroker(() => producerPerformance(broker, messageBytes))
  await bench.rewind()
  const topic = `narrow_${load.rows}_${load.batch}`
  await broker.createTopic(topic)
  const [ours, ourBroker] = await withBroker(() => bench.drain(load.rows, kafkaSink(broker, topic)))
  const arrived = await counter.count(topic)
  if (arrived !== load.rows) throw new Error(`${arrived} messages in the topic, of ${load.rows} rows`)
  const [peer, peerBroker] = await withBroker(async () =>
    withPeer ? await runPeer(bench, load.rows, { broker, table: 'public.narrow', mode: 'stream' }) : undefined,
  )

  console.log(
    `${load.rows} rows, ${load.batch} per transaction, waiting in the slot; messages of ${messageBytes} bytes`,
  )
  const perSecond = ({ seconds }: { readonly seconds: number }): number => Math.round(load.rows / seconds)
  const aMillion = (cpu: number): number => (cpu / load.rows) * 1e6
  const line = (name: string, cost: RunCost, brokerCpu: number | undefined): Cell[] => {
    const { seconds, cpu, threads, postgresCpu, peakMb } = cost
    const byThread = [threads.ingest, threads.feed, threads.rest]
    return [name, seconds, perSecond(cost), cpu, aMillion(cpu), ...byThread, postgresCpu, brokerCpu, peakMb]
  }
  const lines = [line('pg-changefeed into Kafka', ours, ourBroker), line('pg-changefeed into null://', none, undefined)]
  if (peer !== undefined) {
    const { seconds, cpu, postgresCpu, peakMb } = peer
    const byThread = [undefined, undefined, undefined]
    const shown = [seconds, perSecond(peer), cpu, aMillion(cpu), ...byThread, postgresCpu, peerBroker, peakMb]
    lines.push(['Debezium into Kafka', ...shown])
  }
  const { records, perSecond: fastest, cpu } = producer
  const producerMillion = (cpu / records) * 1e6
  const unknown = Array.from({ length: 4 }, () => undefined)
  lines.push([
    'ProducerPerformance',
    records / fastest,
    Math.round(fastest),
    cpu,
    producerMillion,
    ...unknown,
    producerBroker,
  ])
  printTable(['', 's', 'rows/s', ...cpuHeadings, 'peak MB'], lines)

  printRatio('rows/s to our own null drain', none.seconds / ours.seconds, 'at least 0.7')
  printRatio('rows/s to ProducerPerformance', perSecond(ours) / fastest, 'none set')
  if (peer !== undefined) {
    printRatio("rows/s to Debezium's", peer.seconds / ours.seconds, 'at least 5')
    printRatio("CPU to Debezium's", ours.cpu / peer.cpu, 'at most 0.2')
    printRatio("memory to Debezium's", ours.peakMb / peer.peakMb, 'at most 0.167')
  }
  console.log()
}

async function withBroker<T>(work: () => Promise<T>): Promise<[T, number]> {
  const before = broker.cpuSeconds()
  const result = await work()
  return [result, broker.cpuSeconds() - before]
}
