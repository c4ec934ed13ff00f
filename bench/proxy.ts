// What the SQL front costs: pgbench's SELECT-only load through it against the same load straight on PostgreSQL's socket, in each of
// pgbench's query modes, in turns. BENCH_SECONDS of each (5), BENCH_CLIENTS clients (8).

import { BenchServer } from './bench-server.ts'
import { findProgram } from './bench-source.ts'
import { runProgram } from './run-program.ts'

const seconds = Number(process.env['BENCH_SECONDS'] ?? 5)
const clients = process.env['BENCH_CLIENTS'] ?? '8'
const pgbench = findProgram('pgbench')
if (pgbench === undefined)
  throw new Error('pgbench is not installed (in Debian: postgresql-client and postgresql-contrib)')

await using server = await BenchServer.start()
const direct = server.postgresAddress
const front = { host: '127.0.0.1', port: server.sqlPort }
await run(front, ['-i', '-s', '5', '-q'])
console.log(`pgbench -S, ${clients} clients, ${seconds} s each, transactions/s`)
for (const mode of ['simple', 'extended', 'prepared']) {
  const load = ['-S', '-n', '-M', mode, '-c', clients, '-j', '2', '-T', String(seconds)]
  const straight = tps(await run(direct, load))
  const through = tps(await run(front, load))
  const ratio = (through / straight).toFixed(2)
  console.log(
    `${mode.padEnd(9)} direct ${Math.round(straight)}  through the front ${Math.round(through)}  ratio ${ratio}`,
  )
}

function run(
  { host, port }: { readonly host: string; readonly port: number },
  args: readonly string[],
): Promise<string> {
  const at = ['-h', host, '-p', String(port), '-U', 'root']
  return runProgram(pgbench as string, [...at, ...args, 'defaultdb'])
}

function tps(text: string): number {
  return Number(/tps = ([\d.]+)/.exec(text)?.[1])
}
