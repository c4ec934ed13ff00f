// What it costs that PostgreSQL is somebody else's: `changefeed start` over TCP with TLS and SCRAM, beside the single node, whose PostgreSQL
// is on a unix socket. Both servers run all the time and work in turn: a scan, the drain of what was written while the server was down, and the
// latency from a commit acknowledged to its row at a client. Shown are medians of the rounds, and the ratio of the two.
//
// BENCH_ROUNDS (5), BENCH_ROWS of the scan and of the drain (1,000,000); BENCH_TPS, BENCH_SECONDS, BENCH_WARMUP: see paced-writes.ts.

import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { startAttached } from '../test/server/attached.ts'
import { TestServer } from '../test/server/test-server.ts'
import { until } from '../test/support/until.ts'
import { giveUpAfterMs } from './bench-source.ts'
import { endsWithUs, killNow, starting } from './ends-with-us.ts'
import { PacedWrites, type Write } from './paced-writes.ts'
import { printRatio, printTable, type Cell } from './print-table.ts'

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5)
const rows = Number(process.env['BENCH_ROWS'] ?? 1_000_000)
const batch = 1000
const connections = 8

interface Side {
  readonly name: string
  readonly server: TestServer
  readonly measured: Record<'scan' | 'drain' | 'p50' | 'p99', number[]>
}

const embedded = await starting(() => TestServer.start())
const embeddedEnded = endsWithUs(() => {
  killNow(embedded.pid)
  killNow(embedded.postgresPid, 'SIGQUIT')
})
const attached = await starting(() => startAttached({ version: 18, tls: true, auth: 'scram-sha-256' }))
const attachedEnded = endsWithUs(() => killNow(attached.server.pid))
const sides: readonly Side[] = [
  { name: 'the single node', server: embedded, measured: { scan: [], drain: [], p50: [], p99: [] } },
  { name: 'attached, TCP with TLS', server: attached.server, measured: { scan: [], drain: [], p50: [], p99: [] } },
]
for (let round = 0; round < rounds; round++)
  for (const side of round % 2 === 0 ? sides : sides.toReversed()) await measure(side, round)

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number
console.log(`medians of ${rounds} rounds; ${rows} rows`)
printTable(
  ['', 'scan rows/s', 'drain rows/s', 'latency p50 ms', 'p99 ms'],
  sides.map(({ name, measured }): Cell[] => [
    name,
    Math.round(rows / median(measured.scan)),
    Math.round(rows / median(measured.drain)),
    median(measured.p50),
    median(measured.p99),
  ]),
)
const [single, theirs] = sides.map(({ measured }) => measured)
if (single === undefined || theirs === undefined) throw new Error('there are two sides')
printRatio('scan, rows/s to the single node', median(single.scan) / median(theirs.scan), 'none set')
printRatio('drain, rows/s to the single node', median(single.drain) / median(theirs.drain), 'none set')
printRatio('p50 to the single node', median(theirs.p50) / median(single.p50), 'none set')
await embedded[Symbol.asyncDispose]()
embeddedEnded()
await attached[Symbol.asyncDispose]()
attachedEnded()

async function measure({ server, measured }: Side, round: number): Promise<void> {
  const table = `t${round}`
  await server.sql(`CREATE TABLE ${table} (id int8 PRIMARY KEY, n int8, name text)`)
  await server.sql(`INSERT INTO ${table} SELECT i, i * 7, 'name ' || i FROM generate_series(1, ${rows}) i`)
  await server.sql(`VACUUM (ANALYZE, FREEZE) ${table}`)
  await server.sql('CHECKPOINT')
  measured.scan.push(
    await secondsOf(server, `CREATE CHANGEFEED FOR ${table} INTO 'null://' WITH initial_scan = 'only'`),
  )
  measured.drain.push(await drain(server, table))
  const [p50 = 0, , p99 = 0] = await latency(server, table)
  measured.p50.push(p50)
  measured.p99.push(p99)
  await server.sql(`DROP TABLE ${table}`)
}

/** From the statement to the end of its job. */
async function secondsOf(server: TestServer, statement: string): Promise<number> {
  const startedAt = performance.now()
  const [made] = await server.sql(statement)
  const id = String(made?.['job_id'])
  await until('the job has ended', giveUpAfterMs, async () => {
    const [job] = await server.sql(`SHOW JOB ${id}`)
    if (job?.['status'] === 'failed') throw new Error(`the job failed: ${String(job['error'])}`)
    return job?.['status'] === 'succeeded' ? true : undefined
  })
  return (performance.now() - startedAt) / 1000
}

/** From when the server is ready again. What waits was written while it was down. */
async function drain(server: TestServer, table: string): Promise<number> {
  const now = async (): Promise<string> => {
    const [row] = await server.sql(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::numeric(38, 10)::text AS t',
    )
    return String(row?.['t'])
  }
  // The job keeps the table published.
  const [kept] = await server.sql(`CREATE CHANGEFEED FOR ${table} INTO 'null://' WITH no_initial_scan`)
  const id = String(kept?.['job_id'])
  const cursor = await now()
  await server.sql(`PAUSE JOB ${id}`)
  await until('the job is paused', giveUpAfterMs, async () =>
    (await server.sql(`SHOW JOB ${id}`))[0]?.['status'] === 'paused' ? true : undefined,
  )
  const direct = await directly(server)
  await server.kill()
  await direct.query(
    `DO $$ BEGIN FOR i IN 0..${Math.ceil(rows / batch) - 1} LOOP
       UPDATE ${table} SET n = n + 1 WHERE id > i * ${batch} AND id <= (i + 1) * ${batch}; COMMIT; END LOOP; END $$`,
  )
  await direct.end()
  await server.restart()
  const end = await now()
  const options = `cursor = '${cursor}', end_time = '${end}'`
  const seconds = await secondsOf(server, `CREATE CHANGEFEED FOR ${table} INTO 'null://' WITH ${options}`)
  await server.sql(`CANCEL JOB ${id}`)
  return seconds
}

async function latency(server: TestServer, table: string): Promise<number[]> {
  await server.sql(`TRUNCATE ${table}`)
  const writes = new PacedWrites()
  const reader = await server.connect()
  const feed = new pg.Query({
    text: `EXPERIMENTAL CHANGEFEED FOR ${table} WITH updated, no_initial_scan, resolved = '1s'`,
    values: [],
  })
  const begun = Promise.withResolvers<void>()
  feed.on('row', ({ key }: { key: Buffer | null }) =>
    key === null ? begun.resolve() : writes.see(Number(/\d+/.exec(key.toString())?.[0])),
  )
  feed.on('error', begun.reject)
  begun.promise.catch(() => undefined)
  reader.query(feed)
  await begun.promise
  const clients = await Promise.all(Array.from({ length: connections }, () => directly(server)))
  const text = `INSERT INTO ${table} VALUES ($1, $2, $3)`
  const writers = clients.map((client): Write => async (id) => {
    await client.query({ name: 'insert', text, values: [id, id, 'value'] })
  })
  await writes.run(writers)
  await Promise.all(clients.map((client) => client.end()))
  await reader.end().catch(() => undefined)
  // A feed that has just ended holds its table for a moment.
  await delay(100)
  return writes.percentiles()
}

/** To PostgreSQL itself, over a unix socket on both sides. */
async function directly(server: TestServer): Promise<pg.Client> {
  const client = new pg.Client({ ...server.postgresAddress, user: server.user, database: server.database })
  await client.connect()
  return client
}
