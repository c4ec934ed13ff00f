// From a commit acknowledged to its row at a client of a core changefeed: BENCH_TPS transactions a second (1000) of one
// INSERT each over several connections, for BENCH_SECONDS (20). The clock is this process's own at both ends.

import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { TestServer } from '../test/server/test-server.ts'

const perSecond = Number(process.env['BENCH_TPS'] ?? 1000)
const seconds = Number(process.env['BENCH_SECONDS'] ?? 20)
const connections = 8
const tickMs = 5
const total = perSecond * seconds

await using server = await TestServer.start()
await server.sql('CREATE TABLE t (id INT8 PRIMARY KEY, v STRING)')

const arrived = new Float64Array(total)
const acknowledged = new Float64Array(total)
let rows = 0
const reader = await server.connect()
const feed = new pg.Query({
  text: "EXPERIMENTAL CHANGEFEED FOR t WITH updated, no_initial_scan, resolved = '1s'",
  values: [],
})
feed.on('row', ({ key }: { key: Buffer | null }) => {
  if (key === null) return
  arrived[Number(key.toString().slice(1, -1))] = performance.now()
  rows += 1
})
feed.on('error', () => undefined)
reader.query(feed)
await delay(1000)

const writers = await Promise.all(Array.from({ length: connections }, () => server.connect()))
const free = [...writers]
const waiting: number[] = []
let nextId = 0
let done = 0
const write = async (client: pg.Client, id: number): Promise<void> => {
  await client.query({ name: 'insert', text: 'INSERT INTO t VALUES ($1, $2)', values: [id, 'value'] })
  acknowledged[id] = performance.now()
  done += 1
  const next = waiting.shift()
  if (next === undefined) free.push(client)
  else void write(client, next)
}
const startedAt = performance.now()
while (nextId < total) {
  const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1000) * perSecond))
  for (; nextId < due; nextId++) {
    const client = free.pop()
    if (client === undefined) waiting.push(nextId)
    else void write(client, nextId)
  }
  await delay(tickMs)
}
const deadline = performance.now() + 30_000
while ((done < total || rows < total) && performance.now() < deadline) await delay(10)
if (rows < total) throw new Error(`only ${rows} of ${total} rows arrived`)

// Warm-up is not counted. A row may arrive before its commit is acknowledged: that is no latency.
const latencies = Array.from({ length: total }, (_, id) =>
  Math.max(0, (arrived[id] as number) - (acknowledged[id] as number)),
)
  .slice(perSecond)
  .sort((a, b) => a - b)
const at = (part: number): string => (latencies[Math.floor(latencies.length * part)] as number).toFixed(2)
console.log(`${perSecond} tx/s for ${seconds} s, commit acknowledged to row at the client`)
console.log(`p50 ${at(0.5)} ms  p90 ${at(0.9)} ms  p99 ${at(0.99)} ms  p99.9 ${at(0.999)} ms  max ${at(0.99999)} ms`)
await Promise.all([...writers, reader].map((client) => client.end().catch(() => undefined)))
process.exitCode = 0
