// How fast an initial scan is: rows at a cut → JSON → null sink, against psql's COPY of the same table to /dev/null. Ours
// is a process of its own. With --sink=kafka into a real broker, and then with --peer=debezium beside the snapshot of a
// tuned Debezium of the same table.
//
// BENCH_ROWS rows (5,000,000; into Kafka 2,000,000). BENCH_THREADS feed threads (1); from three on they all encode.

import type { KafkaBroker } from '../test/services/kafka/kafka-broker.ts'
import { kafkaSink, startBroker, TopicCounter } from './bench-kafka.ts'
import { BenchSource, findProgram } from './bench-source.ts'
import { prepareDebezium } from './debezium.ts'
import { benchFlags } from './flags.ts'
import { runPeer } from './peer-work.ts'
import { printRatio, printTable, type Cell } from './print-table.ts'
import { endedChildrenCpu } from './process-usage.ts'
import { runProgram } from './run-program.ts'
import { createNarrow } from './waiting-rows.ts'

const flags = benchFlags()
const rows = Number(process.env['BENCH_ROWS'] ?? (flags.sink === 'kafka' ? 2_000_000 : 5_000_000))
await using broker = flags.sink === 'kafka' ? await startBroker() : undefined
await using bench = await BenchSource.open()
const { control, source } = bench
await createNarrow(control)
await control.query(`INSERT INTO public.narrow SELECT i, i * 7, 'name ' || i FROM generate_series(1, ${rows}) i`)
await control.query('VACUUM (ANALYZE, FREEZE) public.narrow')
await control.query('CHECKPOINT')
await bench.watch('public.narrow')

const psql = findProgram('psql')
const theirs = psql === undefined ? undefined : await copyWith(psql)
await broker?.createTopic('narrow')
const brokerBefore = broker?.cpuSeconds() ?? 0
const sink = broker === undefined ? ({ tag: 'null' } as const) : kafkaSink(broker, 'narrow')
const ours = await bench.run({ initialScan: 'only', sink })
const brokerCpu = broker === undefined ? undefined : broker.cpuSeconds() - brokerBefore
if (ours.messages !== rows) throw new Error(`${ours.messages} messages of ${rows} rows`)
if (broker !== undefined) await checkTopic(broker)

const perSecond = (seconds: number): number => Math.round(rows / seconds)
const { ingest, feed, rest } = ours.threads
const lines: Cell[][] = [
  [
    broker === undefined ? 'pg-changefeed into null://' : 'pg-changefeed into Kafka',
    ours.seconds,
    perSecond(ours.seconds),
    ours.cpu,
    feed,
    ingest + rest,
    ours.postgresCpu,
    brokerCpu,
    ours.peakMb,
  ],
]
if (theirs !== undefined) {
  const { seconds, cpu, postgresCpu } = theirs
  lines.push(['psql COPY to /dev/null', seconds, perSecond(seconds), cpu, undefined, undefined, postgresCpu])
}
const peer = await runDebezium()
if (peer !== undefined) {
  const { seconds, cpu, postgresCpu, peakMb } = peer
  const shown = [seconds, perSecond(seconds), cpu, undefined, undefined, postgresCpu, peer.brokerCpu, peakMb]
  lines.push(['Debezium snapshot into Kafka', ...shown])
}
console.log(`initial scan of ${rows} rows`)
printTable(['', 's', 'rows/s', 'CPU s', 'feed', 'rest', 'PostgreSQL CPU s', 'broker CPU s', 'peak MB'], lines)
if (theirs === undefined) console.log('psql is not installed: no ratio to COPY')
else printRatio('rows/s to COPY', theirs.seconds / ours.seconds, broker === undefined ? 'at least 0.7' : 'none set')
if (peer !== undefined) {
  printRatio("rows/s to Debezium's snapshot", peer.seconds / ours.seconds, 'at least 4')
  printRatio("CPU to Debezium's", ours.cpu / peer.cpu, 'none set')
  printRatio("memory to Debezium's", ours.peakMb / peer.peakMb, 'none set')
}

async function copyWith(program: string): Promise<{ seconds: number; cpu: number; postgresCpu: number }> {
  const startedAt = performance.now()
  const before = { own: endedChildrenCpu(), postgres: bench.cpu().total }
  const args = ['-h', source.host, '-p', String(source.port), '-U', 'root', '-d', 'defaultdb', '-qc']
  const copy = '\\copy public.narrow TO /dev/null'
  await runProgram(program, [...args, copy])
  return {
    seconds: (performance.now() - startedAt) / 1000,
    cpu: endedChildrenCpu() - before.own,
    postgresCpu: bench.cpu().total - before.postgres,
  }
}

async function checkTopic(into: KafkaBroker): Promise<void> {
  await using counter = new TopicCounter(into)
  const arrived = await counter.count('narrow')
  if (arrived !== rows) throw new Error(`${arrived} messages in the topic, of ${rows} rows`)
}

async function runDebezium(): Promise<
  (Awaited<ReturnType<typeof runPeer>> & { readonly brokerCpu: number }) | undefined
> {
  if (!flags.peer || broker === undefined) return undefined
  await prepareDebezium(control, 'public.narrow')
  const before = broker.cpuSeconds()
  const cost = await runPeer(bench, rows, { broker, table: 'public.narrow', mode: 'snapshot' })
  return { ...cost, brokerCpu: broker.cpuSeconds() - before }
}
