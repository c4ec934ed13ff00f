// How fast a backfill is: a column with a default is added to a table, and all rows are emitted again, beside the initial scan
// of the same table with the same columns, both into the null sink and in a process of ours alone. Also with --format=avro.
//
// BENCH_ROWS rows (2,000,000).

import { avroFeed, type AvroFeed } from './avro-feed.ts'
import { BenchSource, type RunCost } from './bench-source.ts'
import { benchFlags } from './flags.ts'
import { printRatio, printTable, type Cell } from './print-table.ts'
import { createNarrow } from './waiting-rows.ts'

const { format } = benchFlags()
const rows = Number(process.env['BENCH_ROWS'] ?? 2_000_000)
await using avro: AvroFeed | undefined = format === 'avro' ? await avroFeed() : undefined
await using bench = await BenchSource.open()
const { control } = bench
await createNarrow(control)
await control.query(`INSERT INTO public.narrow SELECT i, i * 7, 'name ' || i FROM generate_series(1, ${rows}) i`)
await control.query('VACUUM (ANALYZE, FREEZE) public.narrow')
await control.query('CHECKPOINT')
await bench.watch('public.narrow')
await control.query('ALTER TABLE public.narrow ADD COLUMN extra int8 DEFAULT 5')

const spec = { ...avro?.spec, sink: { tag: 'null' }, schemaChanges: { events: 'default', policy: 'backfill' } } as const
const backfill = await bench.run({ ...spec, endTime: await bench.now() })
check('backfill', backfill)
await bench.rewind()
const scan = await bench.run({ ...spec, initialScan: 'only' })
check('initial scan', scan)

console.log(`${rows} rows as ${format}`)
printTable(
  ['', 's', 'rows/s', 'CPU s', 'feed', 'ingest', 'rest', 'PostgreSQL CPU s', 'peak MB'],
  [line('backfill', backfill), line('initial scan', scan)],
)
printRatio("rows/s to the initial scan's", scan.seconds / backfill.seconds, 'at least 0.9')

function check(what: string, { messages }: RunCost): void {
  if (messages !== rows) throw new Error(`the ${what} has ${messages} messages of ${rows} rows`)
}

function line(name: string, { seconds, cpu, threads, postgresCpu, peakMb }: RunCost): Cell[] {
  const { feed, ingest, rest } = threads
  return [name, seconds, Math.round(rows / seconds), cpu, feed, ingest, rest, postgresCpu, peakMb]
}
