// A backlog into Kafka: rows that wait in the slot → changelog → JSON → a real broker, beside Kafka's own
// ProducerPerformance with messages of the same size and our own null sink, in one run.
//
// BENCH_LOADS: rows/rows per transaction, by default 1000000/1000,300000/1.

import { setTimeout as delay } from 'node:timers/promises'
import type { SinkSpec } from '../src/core/feed-spec.ts'
import type { KafkaSinkSpec } from '../src/core/kafka-sink-spec.ts'
import { watchTables } from '../src/ingest/watch.ts'
import { KafkaBroker } from '../test/services/kafka/kafka-broker.ts'
import { BenchSource, cpuSeconds, peakMegabytes } from './bench-source.ts'

/** About what a row of the table is, key and value. */
const messageBytes = 120

const loads = (process.env['BENCH_LOADS'] ?? '1000000/1000,300000/1').split(',').map((load) => {
  const [rows = 0, batch = 1] = load.split('/').map(Number)
  return { rows, batch }
})

await using broker = await KafkaBroker.start({ jvmFlags: [] })
const kafka = (topic: string): KafkaSinkSpec => ({
  tag: 'kafka',
  brokers: [broker.bootstrap],
  topics: [topic],
  sources: [topic],
  tls: undefined,
  sasl: undefined,
  clientId: 'bench',
  acks: 'one',
  compression: 'none',
  compressionLevel: undefined,
  flush: { messages: 0, bytes: 0, frequencyMs: 0 },
  retry: { max: 3, backoffMs: 100 },
})

await broker.createTopic('theirs')
const theirs = broker.tool(
  'org.apache.kafka.tools.ProducerPerformance',
  ...`--topic theirs --num-records 1000000 --record-size ${messageBytes} --throughput -1`.split(' '),
  '--bootstrap-server',
  broker.bootstrap,
  ...['acks=1', 'batch.size=262144', 'linger.ms=5'].flatMap((property) => ['--command-property', property]),
)
const reference = Number(/1000000 records sent, ([\d.]+) records\/sec/.exec(theirs.stdout)?.[1])
console.log(`ProducerPerformance     ${Math.round(reference)} records/s of ${messageBytes} bytes`)

for (const { rows, batch } of loads) {
  await using bench = await BenchSource.open()
  const { control, source } = bench
  await control.query('CREATE TABLE public.narrow (id int8 PRIMARY KEY, n int8, name varchar(20))')
  const relid = Number(await bench.one("SELECT 'public.narrow'::regclass::oid::text"))
  const first = bench.startIngest()
  await first.ready
  await watchTables(source, [{ relid }])
  await delay(300)
  await first.stop()
  const startPosition = bench.head.head
  await write(rows, batch)

  const topic = `narrow_${rows}_${batch}`
  await broker.createTopic(topic)
  // A feed that ends has flushed: everything is acknowledged.
  const endTime = {
    wall: BigInt(await bench.one('SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint')) * 1000n,
    logical: 0,
  }
  const into = async (sink: SinkSpec): Promise<{ seconds: number; cpu: number }> => {
    const before = cpuSeconds()
    const seconds = await bench.run(relid, rows, { startPosition, sink, endTime, resolvedIntervalMs: undefined })
    return { seconds, cpu: cpuSeconds() - before }
  }
  const kafkaCpu = broker.cpuSeconds()
  const ours = await into(kafka(topic))
  const brokerCpu = broker.cpuSeconds() - kafkaCpu
  const perMillion = (ours.cpu / rows) * 1e6
  console.log(`rows ${rows}, ${batch} per transaction, waiting in the slot`)
  console.log(
    `into Kafka              ${ours.seconds.toFixed(2)} s  ${Math.round(rows / ours.seconds)} rows/s  ${ours.cpu.toFixed(1)} CPU s of ours (${perMillion.toFixed(1)} a million)  ${brokerCpu.toFixed(1)} of the broker`,
  )
  // The log is filled now: what the null sink is given has no ingest beside it, so both are read from the log again.
  const again = await into(kafka(topic))
  const none = await into({ tag: 'null' })
  console.log(
    `from the log            ${Math.round(rows / again.seconds)} rows/s into Kafka, ${Math.round(rows / none.seconds)} into null://`,
  )

  async function write(count: number, perTransaction: number): Promise<void> {
    const insert = `INSERT INTO public.narrow SELECT i, i * 7, 'name ' || i FROM generate_series`
    if (perTransaction === 1) {
      await control.query('SET synchronous_commit = off')
      await control.query(`DO $$ BEGIN FOR n IN 0..${count - 1} LOOP ${insert}(n, n) i; COMMIT; END LOOP; END $$`)
      await control.query('SET synchronous_commit = on')
    } else
      for (let id = 0; id < count; id += perTransaction)
        await control.query(`${insert}(${id}, ${id + perTransaction - 1}) i`)
    await control.query('CHECKPOINT')
  }
}
console.log(`peak memory             ${peakMegabytes()} MB of this process, all threads`)
