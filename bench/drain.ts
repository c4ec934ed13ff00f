// How fast a waiting slot is drained: slot → changelog → JSON → null sink, against pg_recvlogical writing to /dev/null on
// the same contents. Both in one run, one after the other; the ratio is what counts.
//
// By default 1,000,000 rows in transactions of 1,000 and 300,000 in transactions of one; or BENCH_ROWS rows in
// transactions of BENCH_BATCH.

import { spawnSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { watchTables } from '../src/ingest/watch.ts'
import { BenchSource, cpuSeconds, findProgram, peakMegabytes } from './bench-source.ts'

const given = process.env['BENCH_ROWS']
const loads =
  given === undefined
    ? [
        { rows: 1_000_000, batch: 1000 },
        { rows: 300_000, batch: 1 },
      ]
    : [{ rows: Number(given), batch: Number(process.env['BENCH_BATCH'] ?? 1000) }]
const recvlogical = findProgram('pg_recvlogical')
for (const { rows, batch } of loads) await drain(rows, batch)
console.log(`peak memory     ${peakMegabytes()} MB of this process, all threads`)

async function drain(rows: number, batch: number): Promise<void> {
  await using bench = await BenchSource.open()
  const { control, source } = bench
  await control.query('CREATE TABLE public.narrow (id int8 PRIMARY KEY, n int8, name varchar(20))')
  const relid = Number(await bench.one("SELECT 'public.narrow'::regclass::oid::text"))

  // The slots exist and wait while the rows are written.
  const first = bench.startIngest()
  await first.ready
  await watchTables(source, [{ relid }])
  await delay(300)
  await first.stop()
  await control.query("SELECT pg_create_logical_replication_slot('bench', 'pgoutput')")
  const startPosition = bench.head.head
  const write = `INSERT INTO public.narrow SELECT i, i * 7, 'name ' || i FROM generate_series`
  if (batch === 1) {
    await control.query('SET synchronous_commit = off')
    await control.query(`DO $$ BEGIN FOR n IN 0..${rows - 1} LOOP ${write}(n, n) i; COMMIT; END LOOP; END $$`)
    await control.query('SET synchronous_commit = on')
  } else {
    for (let id = 0; id < rows; id += batch) await control.query(`${write}(${id}, ${id + batch - 1}) i`)
  }
  await control.query('CHECKPOINT')
  const end = await bench.one('SELECT pg_current_wal_flush_lsn()::text')

  const theirs = recvlogical === undefined ? undefined : drainWith(recvlogical, end)
  const before = cpuSeconds()
  const ours = await bench.run(relid, rows, { startPosition })
  console.log(`rows ${rows}, ${batch} per transaction`)
  console.log(
    `pg-changefeed   ${ours.toFixed(2)} s  ${Math.round(rows / ours)} rows/s  ${(cpuSeconds() - before).toFixed(1)} CPU s  (slot, changelog, JSON, null sink)`,
  )
  if (theirs === undefined) console.log('pg_recvlogical is not installed: no ratio')
  else {
    console.log(`pg_recvlogical  ${theirs.toFixed(2)} s  ${Math.round(rows / theirs)} rows/s  (to /dev/null)`)
    console.log(`ratio           ${(theirs / ours).toFixed(2)}`)
  }

  function drainWith(program: string, until: string): number {
    const startedAt = performance.now()
    const flags = ['-h', source.host, '-p', String(source.port), '-U', 'root', '-d', 'defaultdb', '-S', 'bench']
    const options = ['-o', 'proto_version=1', '-o', 'publication_names=pg_changefeed', '-f', '/dev/null', '--no-loop']
    const { status, stderr } = spawnSync(
      program,
      [...flags, '--start', '-E', until, ...options, '-s', '0', '-F', '0'],
      { encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(`pg_recvlogical: ${stderr}`)
    return (performance.now() - startedAt) / 1000
  }
}
