// How fast a waiting slot is drained: slot → changelog → JSON → null sink, against pg_recvlogical writing to /dev/null on
// the same contents. Both in one run, one after the other; the ratio is what counts. Ours is a process of its own: CPU
// time by thread, and memory, are of ingest and feed alone.
//
// With --format=avro the same waits once more, for a feed in Avro: its ratio to JSON is what counts then.
//
// BENCH_LOADS: see waiting-rows.ts.

import type { FeedSpec } from '../src/core/feed-spec.ts'
import { avroFeed } from './avro-feed.ts'
import { BenchSource, findProgram, type RunCost } from './bench-source.ts'
import { benchFlags } from './flags.ts'
import { printRatio, printTable, type Cell } from './print-table.ts'
import { endedChildrenCpu } from './process-usage.ts'
import { runProgram } from './run-program.ts'
import { createNarrow, loads, writeNarrow, type Load } from './waiting-rows.ts'

const recvlogical = findProgram('pg_recvlogical')
if (recvlogical === undefined) console.log('pg_recvlogical is not installed (in Debian: postgresql-client): no ratio')
const { format } = benchFlags()
await using avro = format === 'avro' ? await avroFeed() : undefined
for (const load of loads) await drain(load)

async function drain(load: Load): Promise<void> {
  await using bench = await BenchSource.open()
  const { control, source } = bench
  await createNarrow(control)
  await bench.watch('public.narrow')
  await control.query("SELECT pg_create_logical_replication_slot('bench', 'pgoutput')")
  await writeNarrow(control, load)
  const end = await bench.one('SELECT pg_current_wal_flush_lsn()::text')

  const theirs = recvlogical === undefined ? undefined : await drainWith(recvlogical)
  const ours = await bench.drain(load.rows, { tag: 'null' })
  const inAvro = avro === undefined ? undefined : await drainInAvro(avro.spec)
  const perSecond = (seconds: number): number => Math.round(load.rows / seconds)
  console.log(`${load.rows} rows, ${load.batch} per transaction, waiting in the slot`)
  const line = (name: string, { seconds, cpu, threads, postgresCpu, peakMb }: RunCost): Cell[] => {
    const ratio = theirs === undefined ? undefined : theirs.seconds / seconds
    const { ingest, feed, rest } = threads
    return [name, seconds, perSecond(seconds), ratio, cpu, ingest, feed, rest, postgresCpu, peakMb]
  }
  printTable(
    ['', 's', 'rows/s', 'ratio', 'CPU s', 'ingest', 'feed', 'rest', 'PostgreSQL CPU s', 'peak MB'],
    [
      line('pg-changefeed into null://', ours),
      ...(inAvro === undefined ? [] : [line('the same in Avro', inAvro)]),
      ...(theirs === undefined
        ? []
        : [
            [
              'pg_recvlogical to /dev/null',
              theirs.seconds,
              perSecond(theirs.seconds),
              1,
              theirs.cpu,
              undefined,
              undefined,
              undefined,
              theirs.postgresCpu,
            ],
          ]),
    ],
  )

  if (inAvro !== undefined) printRatio("Avro's rows/s to JSON's", ours.seconds / inAvro.seconds, 'at least 0.9')

  async function drainInAvro(spec: Partial<FeedSpec>): Promise<RunCost> {
    await bench.rewind()
    return bench.drain(load.rows, { tag: 'null' }, spec)
  }

  async function drainWith(program: string): Promise<{ seconds: number; cpu: number; postgresCpu: number }> {
    const startedAt = performance.now()
    const before = { own: endedChildrenCpu(), postgres: bench.cpu().total }
    const flags = ['-h', source.host, '-p', String(source.port), '-U', 'root', '-d', 'defaultdb', '-S', 'bench']
    const options = ['-o', 'proto_version=1', '-o', 'publication_names=pg_changefeed', '-f', '/dev/null', '--no-loop']
    await runProgram(program, [...flags, '--start', '-E', end, ...options, '-s', '0', '-F', '0'])
    return {
      seconds: (performance.now() - startedAt) / 1000,
      cpu: endedChildrenCpu() - before.own,
      postgresCpu: bench.cpu().total - before.postgres,
    }
  }
}
