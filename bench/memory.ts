// One large transaction through a whole server: slot → changelog → feed of a job → null sink, and the most memory that our
// process held meanwhile. Once of inserts alone, which stream through; once of inserts and updates of the same rows, of
// which the last change of each row has to be found.
//
// BENCH_MB of rows in the transaction (2048), BENCH_ROW_BYTES each (1000). BENCH_INSERTS=1: the first alone. The disk needs about four times
// as much.

import { BenchServer } from './bench-server.ts'
import { printTable, type Cell } from './print-table.ts'

const megabytes = Number(process.env['BENCH_MB'] ?? 2048)
const rowBytes = Number(process.env['BENCH_ROW_BYTES'] ?? 1000)
const rowsOf = (mb: number): number => Math.floor((mb * 1024 * 1024) / rowBytes)

await using server = await BenchServer.start()
const writer = await server.connectDirectly()
const idleMb = server.residentMb
const lines = [await passes('inserts', rowsOf(megabytes), false)]
if (process.env['BENCH_INSERTS'] !== '1')
  lines.push(await passes('inserts, each row then updated', rowsOf(megabytes / 2), true))
await writer.end()
console.log(`one transaction of ${megabytes} MB into null://; goal: a peak of at most 256 MB`)
printTable(['', 'rows', 's from COMMIT', 'MB/s', 'our CPU s', 'PostgreSQL CPU s', 'peak MB', 'at rest'], lines)

async function passes(name: string, rows: number, updates: boolean): Promise<Cell[]> {
  const table = updates ? 'updated' : 'inserted'
  await server.sql(`CREATE TABLE ${table} (id INT8 PRIMARY KEY, n INT8, body STRING)`)
  const [job] = await server.sql(
    `CREATE CHANGEFEED FOR TABLE ${table} INTO 'null://' WITH updated, resolved, no_initial_scan`,
  )
  const before = await server.emittedRows()
  server.forgetPeak()
  await writer.query('BEGIN')
  await writer.query(
    `INSERT INTO ${table} SELECT i, 0, repeat(chr(97 + (i % 26)::int), $2) FROM generate_series(1, $1::int8) AS i`,
    [rows, rowBytes],
  )
  if (updates) await writer.query(`UPDATE ${table} SET n = 1`)
  const cpu = { ours: server.cpu, postgres: server.postgres.total }
  await writer.query('COMMIT')
  const startedAt = performance.now()
  await server.untilEmitted(before + rows)
  const seconds = (performance.now() - startedAt) / 1000
  const given = (await server.emittedRows()) - before
  if (given !== rows) throw new Error(`${given} messages of ${rows} rows`)
  const spent = [server.cpu - cpu.ours, server.postgres.total - cpu.postgres]
  await server.sql(`CANCEL JOB ${job?.['job_id']}`)
  return [name, rows, seconds, megabytes / seconds, ...spent, server.peakMb, idleMb]
}
