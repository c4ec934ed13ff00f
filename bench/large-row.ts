// One row of BENCH_MB (120) through a whole server into the null sink of a job: the
// memory that our process held before, at most, and ten seconds after.

import { setTimeout as sleep } from 'node:timers/promises'
import { BenchServer } from './bench-server.ts'
import { printTable } from './print-table.ts'

const megabytes = Number(process.env['BENCH_MB'] ?? 120)

await using server = await BenchServer.start()
const writer = await server.connectDirectly()
await server.sql('CREATE TABLE large (id INT8 PRIMARY KEY, body STRING)')
await server.sql(`CREATE CHANGEFEED FOR TABLE large INTO 'null://' WITH updated, resolved = '1s'`)
const before = await server.emittedRows()
const idleMb = server.residentMb
const lines = []
for (let i = 1; i <= 3; i++) {
  server.forgetPeak()
  await writer.query(`INSERT INTO large VALUES ($1, repeat('x', $2))`, [i, megabytes * 1024 * 1024])
  await server.untilEmitted(before + i)
  const peak = server.peakMb
  await sleep(10_000)
  lines.push([`row ${i}`, idleMb, peak, server.residentMb])
}
await writer.end()
printTable(['', 'MB before', 'peak MB', 'MB 10 s after'], lines)
