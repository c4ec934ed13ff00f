// How fast an initial scan is: rows at a cut → JSON → null sink, against psql's COPY of the same table to /dev/null.
// BENCH_ROWS rows (5,000,000).

import { spawnSync } from 'node:child_process'
import { watchTables } from '../src/ingest/watch.ts'
import { BenchSource, cpuSeconds, findProgram, peakMegabytes } from './bench-source.ts'

const rows = Number(process.env['BENCH_ROWS'] ?? 5_000_000)
await using bench = await BenchSource.open()
const { control, source } = bench
await control.query('CREATE TABLE public.narrow (id int8 PRIMARY KEY, n int8, name varchar(20))')
await control.query(`INSERT INTO public.narrow SELECT i, i * 7, 'name ' || i FROM generate_series(1, ${rows}) i`)
await control.query('VACUUM (ANALYZE, FREEZE) public.narrow')
await control.query('CHECKPOINT')
const relid = Number(await bench.one("SELECT 'public.narrow'::regclass::oid::text"))
const ingest = bench.startIngest()
await ingest.ready
await watchTables(source, [{ relid }])
await ingest.stop()

const psql = findProgram('psql')
const theirs = psql === undefined ? undefined : copyWith(psql)
const before = cpuSeconds()
const ours = await bench.run(relid, rows, { initialScan: 'only', resolvedIntervalMs: undefined })
console.log(`rows ${rows}`)
console.log(
  `pg-changefeed  ${ours.toFixed(2)} s  ${Math.round(rows / ours)} rows/s  ${(cpuSeconds() - before).toFixed(1)} CPU s  (cut, COPY, JSON, null sink)`,
)
if (theirs === undefined) console.log('psql is not installed: no ratio')
else {
  console.log(`psql COPY      ${theirs.toFixed(2)} s  ${Math.round(rows / theirs)} rows/s  (to /dev/null)`)
  console.log(`ratio          ${(theirs / ours).toFixed(2)}`)
}
console.log(`peak memory    ${peakMegabytes()} MB of this process, all threads`)

function copyWith(program: string): number {
  const startedAt = performance.now()
  const flags = ['-h', source.host, '-p', String(source.port), '-U', 'root', '-d', 'defaultdb', '-qc']
  const { status, stderr } = spawnSync(program, [...flags, '\\copy public.narrow TO /dev/null'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`psql: ${stderr}`)
  return (performance.now() - startedAt) / 1000
}
