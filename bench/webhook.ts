// Rows to a webhook over TLS: the sink, which makes requests of encoded rows, beside a plain undici client that sends the same bodies over
// as many connections. By turns, in one run, to one receiver, over connections that are open, after rounds that do not count. Then a backlog that waits in the slot, through the whole feed into the
// receiver and into null://.
//
// BENCH_LOADS: see waiting-rows.ts. BENCH_ROWS: of the first part (500,000). BENCH_ROUNDS: (5).

import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { MessageBatch } from '../src/core/message-batch.ts'
import { open } from '../src/sink/webhook/open.ts'
import type { WebhookSinkSpec } from '../src/sink/webhook/spec.ts'
import { certificateOf } from '../test/support/servers/certificates.ts'
import { BenchSource } from './bench-source.ts'
import { endsWithUs, starting } from './ends-with-us.ts'
import { printRatio, printTable, type Cell } from './print-table.ts'
import { createNarrow, loads, writeNarrow } from './waiting-rows.ts'
import type { Asked } from './webhook-receiver.ts'

const rows = Number(process.env['BENCH_ROWS'] ?? 500_000)
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5)
const warmUps = 5
const connections = 8
const folder = mkdtempSync(join(tmpdir(), 'webhook-'))
const ca = readFileSync(certificateOf('webhook').ca, 'latin1')

interface Receiver {
  readonly url: string
  ask(asked: Asked): Promise<void>
  end(): void
}

const receiver = await starting(startReceiver)
const spec: WebhookSinkSpec = {
  tag: 'webhook',
  url: receiver.url,
  tls: { ca, cert: undefined, key: undefined, verify: true },
  headers: [],
  format: 'json',
  compression: 'none',
  timeoutMs: 60_000,
  flush: { messages: 0, bytes: 0, frequencyMs: 0 },
  retry: { max: 3, backoffMs: 100 },
}

const encoded = encodedRows()
const sink = await open(spec, {
  topics: ['narrow'],
  log: () => undefined,
  signal: new AbortController().signal,
  header: () => undefined,
})
const pool = new Pool(receiver.url.slice(0, -1), { connections, connect: { ca }, allowH2: false })
await receiver.ask({ tag: 'keep' })
await throughSink()
const file = join(folder, 'bodies')
await receiver.ask({ tag: 'write', file })
const bodies = readBodies(file)
// Both are slower until their code is compiled and their memory has grown.
for (let round = 0; round < warmUps; round++) {
  await throughPlainClient()
  await throughSink()
}

const taken = { sink: [] as Taken[], plain: [] as Taken[] }
for (let round = 0; round < rounds; round++) {
  taken.plain.push(await timed(throughPlainClient))
  taken.sink.push(await timed(throughSink))
}
const [ours, plain] = [medianOf(taken.sink), medianOf(taken.plain)]
const bytes = bodies.reduce((sum, body) => sum + body.length, 0)
console.log(`${rows} rows in ${bodies.length} requests of ${Math.round(bytes / bodies.length)} bytes, ${rounds} rounds`)
const line = (name: string, { seconds, cpu }: Taken): Cell[] => [
  name,
  seconds,
  rows / seconds,
  bytes / seconds / 1e6,
  (cpu / rows) * 1e6,
]
printTable(['', 's', 'rows/s', 'MB/s', 'CPU µs/row'], [line('the sink', ours), line('plain undici', plain)])
printRatio('rows/s to plain undici', plain.seconds / ours.seconds, 'at least 0.8')
console.log()

await sink[Symbol.asyncDispose]()
await pool.close()
for (const load of loads) {
  await using bench = await BenchSource.open()
  await createNarrow(bench.control)
  await bench.watch('public.narrow')
  await writeNarrow(bench.control, load)
  const inValue = { keyInValue: true, topicInValue: true }
  const posted = await bench.drain(load.rows, spec, inValue)
  await bench.rewind()
  const none = await bench.drain(load.rows, { tag: 'null' }, inValue)
  console.log(`${load.rows} rows, ${load.batch} per transaction, waiting in the slot`)
  printTable(
    ['', 's', 'rows/s', 'CPU s', 'feed', 'peak MB'],
    [
      [
        'pg-changefeed to a webhook',
        posted.seconds,
        load.rows / posted.seconds,
        posted.cpu,
        posted.threads.feed,
        posted.peakMb,
      ],
      ['pg-changefeed into null://', none.seconds, load.rows / none.seconds, none.cpu, none.threads.feed, none.peakMb],
    ],
  )
  printRatio('rows/s to our own null drain', none.seconds / posted.seconds, 'none set')
}
receiver.end()

async function startReceiver(): Promise<Receiver> {
  const child: ChildProcess = fork(fileURLToPath(new URL('webhook-receiver.ts', import.meta.url)))
  const ended = endsWithUs(() => void child.kill('SIGKILL'))
  const next = (): Promise<{ port?: number }> =>
    new Promise((resolve, reject) => {
      child.once('message', (said: { port?: number }) => resolve(said))
      child.once('exit', () => reject(new Error('the receiver has ended')))
    })
  const { port } = await next()
  return {
    url: `https://127.0.0.1:${port}/`,
    async ask(asked) {
      const answer = asked.tag === 'write' ? next() : undefined
      child.send(asked)
      await answer
    },
    end() {
      child.kill()
      ended()
    },
  }
}

function encodedRows(): readonly MessageBatch[] {
  const batches: MessageBatch[] = []
  for (let id = 0; id < rows; id++) {
    let batch = batches.at(-1)
    if (batch === undefined || batch.bytes.length > 256 * 1024) batches.push((batch = new MessageBatch()))
    batch.begin(0)
    batch.bytes.latin1(`[${id}]`)
    batch.endKey()
    batch.bytes.latin1(
      `{"after": {"id": ${id}, "n": ${id * 7}, "name": "name ${id}"}, "key": [${id}], "topic": "narrow", "updated": "1629813621680097993.0000000000"}`,
    )
    batch.end(true)
  }
  return batches
}

async function throughSink(): Promise<void> {
  for (const batch of encoded) await sink.emit(batch)
  await sink.flush()
}

async function throughPlainClient(): Promise<void> {
  let next = 0
  const send = async (): Promise<void> => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
      const headers = { 'content-type': 'application/json' }
      const answer = await pool.request({ path: '/', method: 'POST', headers, body })
      await answer.body.dump()
      if (answer.statusCode !== 200) throw new Error(`the receiver answered ${answer.statusCode}`)
    }
  }
  await Promise.all(Array.from({ length: connections }, send))
}

function readBodies(path: string): readonly Buffer[] {
  const all = readFileSync(path)
  const found: Buffer[] = []
  for (let at = 0; at < all.length;) {
    const length = all.readUInt32BE(at)
    found.push(all.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return found
}

interface Taken {
  readonly seconds: number
  /** Of this process, which is not that of the receiver. */
  readonly cpu: number
}

async function timed(work: () => Promise<void>): Promise<Taken> {
  const [startedAt, before] = [performance.now(), process.cpuUsage()]
  await work()
  const { user, system } = process.cpuUsage(before)
  return { seconds: (performance.now() - startedAt) / 1000, cpu: (user + system) / 1e6 }
}

function medianOf(taken: readonly Taken[]): Taken {
  return { seconds: median(taken.map(({ seconds }) => seconds)), cpu: median(taken.map(({ cpu }) => cpu)) }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
