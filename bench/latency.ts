// From a commit acknowledged to its row at the far end, at a steady rate of transactions of one INSERT each over several
// connections, and where the CPU seconds go meanwhile. The far end is a client of a core changefeed; with --sink=kafka a
// consumer of the topic of a changefeed into a real broker, beside a producer alone and, with --peer=debezium, beside a
// tuned Debezium on a PostgreSQL of its own, written to without our front.
//
// BENCH_TPS (1000), BENCH_SECONDS (20), BENCH_WARMUP (5): see paced-writes.ts.

import { Producer } from '@platformatic/kafka'
import pg from 'pg'
import type { KafkaBroker } from '../test/services/kafka/kafka-broker.ts'
import { startBroker } from './bench-kafka.ts'
import { BenchServer } from './bench-server.ts'
import { BenchSource } from './bench-source.ts'
import { idOf, readAtClient } from './core-feed.ts'
import { Debezium, prepareDebezium } from './debezium.ts'
import { benchFlags } from './flags.ts'
import { PacedWrites, paceOf, type Write } from './paced-writes.ts'
import { printRatio, printTable, type Cell } from './print-table.ts'
import { cpuOf } from './process-usage.ts'
import { TopicTail } from './tail-topic.ts'

const connections = 8
const pace = paceOf({ seconds: 20, warmUpSeconds: 5 })
const flags = benchFlags()
await using broker = flags.sink === 'kafka' ? await startBroker() : undefined
const lines: Cell[][] = []
if (broker === undefined) await throughConnection()
else {
  await throughKafka(broker)
  await producerAlone(broker)
  if (flags.peer) await throughDebezium(broker)
}
console.log(
  `${pace.perSecond} tx/s for ${pace.seconds} s, commit acknowledged to row at the far end, ms; CPU seconds with the warm-up`,
)
printTable(
  ['', 'p50', 'p90', 'p99', 'p99.9', 'max', 'its CPU s', 'PostgreSQL CPU s', 'broker CPU s', "bench's CPU s"],
  lines,
)
const [ours, theirs] = [lines[0], flags.peer ? lines.at(-1) : undefined]
if (theirs !== undefined) printRatio("p50 to Debezium's", Number(ours?.[1]) / Number(theirs[1]), 'none set')
console.log(`goals: p50 below ${broker === undefined ? '3 ms, p99 below 20 ms' : '5 ms, p99 below 25 ms'}`)

async function throughConnection(): Promise<void> {
  await using server = await tableOnServer()
  const writes = new PacedWrites(pace)
  const reader = await server.connect()
  await readAtClient(reader, 't', (key) => writes.see(idOf(key)))
  await measure('core changefeed', writes, () => server.connect(), costsOf(server))
  await reader.end().catch(() => undefined)
}

async function throughKafka(into: KafkaBroker): Promise<void> {
  await using server = await tableOnServer()
  const writes = new PacedWrites(pace)
  await into.createTopic('t')
  await using _tail = new TopicTail(into, 't', (key) => writes.see(idOf(key)))
  await server.sql(
    `CREATE CHANGEFEED FOR TABLE t INTO 'kafka://${into.bootstrap}' WITH updated, no_initial_scan, resolved = '1s'`,
  )
  await measure('changefeed into Kafka', writes, () => server.connect(), costsOf(server))
}

/** What of it is the broker's and the consumer's: from send() to the consumer. */
async function producerAlone(into: KafkaBroker): Promise<void> {
  const writes = new PacedWrites(pace)
  await into.createTopic('alone')
  await using _tail = new TopicTail(into, 'alone', (key) => writes.see(idOf(key)))
  const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [into.bootstrap] })
  const send: Write = async (id) => {
    const message = { topic: 'alone', key: Buffer.from(`[${id}]`), value: Buffer.from(`{"after": {"id": ${id}}}`) }
    producer.send({ acks: 1, messages: [message] }).catch((error: unknown) => void (failure ??= error))
  }
  let failure: unknown
  try {
    await run(
      'a producer alone, from send()',
      writes,
      Array.from({ length: connections }, () => send),
      {
        its: () => 0,
        postgres: () => 0,
      },
    )
    if (failure !== undefined) throw failure
  } finally {
    await producer.close()
  }
}

async function throughDebezium(into: KafkaBroker): Promise<void> {
  await using bench = await BenchSource.open()
  await bench.control.query('CREATE TABLE public.t (id INT8 PRIMARY KEY, v TEXT)')
  await prepareDebezium(bench.control, 'public.t')
  const { source } = bench
  await using peer = await Debezium.start({ source, broker: into, table: 'public.t', mode: 'stream' })
  const writes = new PacedWrites(pace)
  await using _tail = new TopicTail(into, peer.topic, (key) => writes.see(idOf(key)))
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ host: source.host, port: source.port, user: source.user, database: source.database })
    await client.connect()
    return client
  }
  const costs = { its: () => peer.cost().cpu, postgres: () => bench.cpu().total }
  await measure('Debezium into Kafka', writes, connect, costs)
}

interface Costs {
  its(): number
  postgres(): number
}

function costsOf(server: BenchServer): Costs {
  return { its: () => server.cpu, postgres: () => server.postgres.total }
}

async function measure(
  name: string,
  writes: PacedWrites,
  connect: () => Promise<pg.Client>,
  costs: Costs,
): Promise<void> {
  const clients = await Promise.all(Array.from({ length: connections }, connect))
  const writers = clients.map((client): Write => async (id) => {
    await client.query({ name: 'insert', text: 'INSERT INTO t VALUES ($1, $2)', values: [id, 'value'] })
  })
  await run(name, writes, writers, costs)
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)))
}

async function run(name: string, writes: PacedWrites, writers: readonly Write[], costs: Costs): Promise<void> {
  const cpu = (): number[] => [costs.its(), costs.postgres(), broker?.cpuSeconds() ?? 0, cpuOf(process.pid)]
  const before = cpu()
  await writes.run(writers)
  lines.push([name, ...writes.percentiles(), ...cpu().map((after, at) => after - (before[at] as number))])
}

async function tableOnServer(): Promise<BenchServer> {
  const server = await BenchServer.start()
  await server.sql('CREATE TABLE t (id INT8 PRIMARY KEY, v STRING)')
  return server
}
