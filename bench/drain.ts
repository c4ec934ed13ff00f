// How fast a waiting slot is drained: slot → changelog → JSON → null sink, against pg_recvlogical writing to /dev/null on
// the same contents, over the unix socket, as we read, and over TCP. All in one run, one after the other; the ratios are what
// counts. Ours is a process of its own: CPU time by thread, and memory, are of ingest and feed alone. `busy` is PostgreSQL's
// CPU time a second.
//
// With --format=avro the same waits once more, for a feed in Avro: its ratio to JSON is what counts then.
//
// BENCH_LOADS: see waiting-rows.ts.

import type { FeedSpec } from '../src/core/feed-spec.ts'
import { avroFeed } from './avro-feed.ts'
import { PostgresServerUnderTest } from '../test/support/postgres-server.ts'
import { theirs } from './attached-ways.ts'
import { BenchSource, findProgram, type BenchPostgres, type RunCost } from './bench-source.ts'
import { benchFlags } from './flags.ts'
import { printRatio, printTable, type Cell } from './print-table.ts'
import { endedChildrenCpu } from './process-usage.ts'
import { runProgram } from './run-program.ts'
import { createNarrow, loads, writeNarrow, type Load } from './waiting-rows.ts'

interface Peer {
  /** How it reaches PostgreSQL. */
  readonly way: string
  readonly seconds: number
  readonly cpu: number
  readonly postgresCpu: number
}

const recvlogical = findProgram('pg_recvlogical')
if (recvlogical === undefined) console.log('pg_recvlogical is not installed (in Debian: postgresql-client): no ratio')
const { format } = benchFlags()
await using avro = format === 'avro' ? await avroFeed() : undefined
for (const load of loads) await drain(load)

async function drain(load: Load): Promise<void> {
  await using bench = await BenchSource.open(startWithTcp)
  const { control, source } = bench
  await createNarrow(control)
  await bench.watch('public.narrow')
  for (const slot of ['bench_unix', 'bench_tcp'])
    await control.query(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`)
  await writeNarrow(control, load)
  const end = await bench.one('SELECT pg_current_wal_flush_lsn()::text')

  const peers: readonly Peer[] =
    recvlogical === undefined
      ? []
      : [
          await drainWith(recvlogical, 'bench_unix', 'unix socket', source.host),
          await drainWith(recvlogical, 'bench_tcp', 'TCP', '127.0.0.1'),
        ]
  const ours = await bench.drain(load.rows, { tag: 'null' })
  const inAvro = avro === undefined ? undefined : await drainInAvro(avro.spec)
  const perSecond = (seconds: number): number => Math.round(load.rows / seconds)
  console.log(`${load.rows} rows, ${load.batch} per transaction, waiting in the slot`)
  const ratios = (seconds: number): number[] => peers.map((peer) => peer.seconds / seconds)
  const line = (name: string, { seconds, cpu, threads, postgresCpu, peakMb }: RunCost): Cell[] => {
    const { ingest, feed, rest } = threads
    const busy = postgresCpu / seconds
    return [name, seconds, perSecond(seconds), ...ratios(seconds), cpu, ingest, feed, rest, postgresCpu, busy, peakMb]
  }
  const headings = ['CPU s', 'ingest', 'feed', 'rest', 'PostgreSQL CPU s', 'busy', 'peak MB']
  printTable(
    ['', 's', 'rows/s', ...peers.map(({ way }) => `to ${way}`), ...headings],
    [
      line('pg-changefeed into null://', ours),
      ...(inAvro === undefined ? [] : [line('the same in Avro', inAvro)]),
      ...peers.map(({ way, seconds, cpu, postgresCpu }): Cell[] => {
        const name = `pg_recvlogical to /dev/null, ${way}`
        const ownThreads = [undefined, undefined, undefined]
        const busy = postgresCpu / seconds
        return [name, seconds, perSecond(seconds), ...ratios(seconds), cpu, ...ownThreads, postgresCpu, busy]
      }),
    ],
  )

  if (inAvro !== undefined) printRatio("Avro's rows/s to JSON's", ours.seconds / inAvro.seconds, 'at least 0.9')

  async function drainInAvro(spec: Partial<FeedSpec>): Promise<RunCost> {
    await bench.rewind()
    return bench.drain(load.rows, { tag: 'null' }, spec)
  }

  async function drainWith(program: string, slot: string, way: string, host: string): Promise<Peer> {
    const startedAt = performance.now()
    const before = { own: endedChildrenCpu(), postgres: bench.cpu().total }
    const flags = ['-h', host, '-p', String(source.port), '-U', source.user, '-d', source.database, '-S', slot]
    const options = ['-o', 'proto_version=1', '-o', 'publication_names=pg_changefeed', '-f', '/dev/null', '--no-loop']
    await runProgram(program, [...flags, '--start', '-E', end, ...options, '-s', '0', '-F', '0'])
    return {
      way,
      seconds: (performance.now() - startedAt) / 1000,
      cpu: endedChildrenCpu() - before.own,
      postgresCpu: bench.cpu().total - before.postgres,
    }
  }
}

/** With the settings of the embedded PostgreSQL, which has no TCP. */
async function startWithTcp(): Promise<BenchPostgres> {
  const postgres = await PostgresServerUnderTest.start({ version: theirs.version, settings: theirs.settings })
  await postgres.allow('host all,replication all 127.0.0.1/32 trust')
  await postgres.sql('CREATE DATABASE bench')
  return {
    source: postgres.localSource('bench'),
    pid: postgres.pid,
    stop: () => postgres[Symbol.asyncDispose](),
  }
}
