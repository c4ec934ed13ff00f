// How fast a waiting slot is drained: slot → changelog → JSON → null sink, against pg_recvlogical writing to /dev/null on
// the same contents. Both in one run, one after the other; the ratio is what counts.
//
// BENCH_ROWS rows (1,000,000) in transactions of BENCH_BATCH rows (1,000).

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pino from 'pino'
import { LogHead } from '../src/changelog/files/log-head.ts'
import type { FeedSpec } from '../src/core/feed-spec.ts'
import { FeedPool } from '../src/feed/feed-pool.ts'
import { IngestThread } from '../src/ingest/ingest-thread.ts'
import { watchTables } from '../src/ingest/watch.ts'
import { startEmbedded } from '../src/postgres/embedded/embedded.ts'
import { openRawConnection } from '../src/postgres/raw-connection.ts'

const rows = Number(process.env['BENCH_ROWS'] ?? 1_000_000)
const batch = Number(process.env['BENCH_BATCH'] ?? 1000)
const recvlogical = ['/usr/bin/pg_recvlogical', '/usr/lib/postgresql/15/bin/pg_recvlogical'].find((path) => existsSync(path))

const store = mkdtempSync(join(tmpdir(), 'changefeed-bench-'))
chmodSync(store, 0o755)
const log = pino({ level: 'silent' })
const postgres = await startEmbedded({ dir: join(store, 'postgres'), log })
try {
  const source = { ...postgres.source, database: 'defaultdb' }
  const control = await openRawConnection({ source })
  await control.query('CREATE TABLE public.narrow (id int8 PRIMARY KEY, n int8, name varchar(20))')
  const relid = Number((await control.query("SELECT 'public.narrow'::regclass::oid::text"))[0]?.[0])
  const head = new LogHead()
  const dir = join(store, 'log')
  const settings = { closedTargetMs: 100, retentionMs: 3_600_000, maxLogBytes: 0 }
  const startIngest = (): IngestThread => new IngestThread({ dir, head: head.shared, source, settings }, () => undefined)

  // The slots exist and wait while the rows are written.
  const first = startIngest()
  await first.ready
  await watchTables(source, [{ relid }])
  await delay(300)
  await first.stop()
  await control.query("SELECT pg_create_logical_replication_slot('bench', 'pgoutput')")
  const position = head.head
  for (let id = 0; id < rows; id += batch) {
    await control.query(`INSERT INTO public.narrow SELECT i, i * 7, 'name ' || i FROM generate_series(${id}, ${id + batch - 1}) i`)
  }
  await control.query('CHECKPOINT')
  const end = (await control.query('SELECT pg_current_wal_flush_lsn()::text'))[0]?.[0] ?? ''

  const theirs = recvlogical === undefined ? undefined : drainWith(recvlogical, end)
  const ours = await drain()
  console.log(`rows ${rows}, ${batch} per transaction`)
  console.log(`pg-changefeed   ${ours.toFixed(2)} s  ${Math.round(rows / ours)} rows/s  (slot, changelog, JSON, null sink)`)
  if (theirs === undefined) console.log('pg_recvlogical is not installed: no ratio')
  else {
    console.log(`pg_recvlogical  ${theirs.toFixed(2)} s  ${Math.round(rows / theirs)} rows/s  (to /dev/null)`)
    console.log(`ratio           ${(theirs / ours).toFixed(2)}`)
  }
  console.log(`peak memory     ${Math.round(process.resourceUsage().maxRSS / 1024)} MB of this process, all threads`)
  await control.close()

  async function drain(): Promise<number> {
    const spec: FeedSpec = {
      id: 'bench', database: 'defaultdb', targets: [{ relid, topic: 'narrow', tableName: 'narrow' }], format: 'json', envelope: 'wrapped',
      updated: true, mvccTimestamp: false, diff: false, keyInValue: false, topicInValue: false, encodeJsonNullAsObject: false,
      resolvedIntervalMs: 0, minCheckpointMs: 0, initialScan: 'no', cursor: undefined, endTime: undefined, sink: { tag: 'null' },
    }
    const feeds = new FeedPool(1)
    const abort = new AbortController()
    const startedAt = performance.now()
    const ingest = startIngest()
    ingest.demand(1)
    await ingest.ready
    const feed = feeds.run(
      { spec, logDir: dir, logHead: head.shared, source, startPosition: position, startTime: { wall: 1n, logical: 0 } },
      { rows: async () => undefined, closeNow: () => ingest.closeNow() },
      abort.signal,
    )
    feed.catch(() => undefined)
    let seconds = 0
    for (;;) {
      seconds = (performance.now() - startedAt) / 1000
      if ((feeds.running[0]?.progress.messages ?? 0) >= rows) break
      if (seconds > 600) throw new Error(`only ${feeds.running[0]?.progress.messages} messages after ${seconds} s`)
      await delay(20)
    }
    abort.abort(new Error('done'))
    await feed.catch(() => undefined)
    await feeds.close()
    await ingest.stop()
    return seconds
  }

  function drainWith(program: string, until: string): number {
    const startedAt = performance.now()
    const flags = ['-h', source.host, '-p', String(source.port), '-U', 'root', '-d', 'defaultdb', '-S', 'bench', '--start', '-E', until]
    const options = ['-o', 'proto_version=1', '-o', 'publication_names=pg_changefeed', '-f', '/dev/null', '--no-loop', '-s', '0', '-F', '0']
    const { status, stderr } = spawnSync(program, [...flags, ...options], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`pg_recvlogical: ${stderr}`)
    return (performance.now() - startedAt) / 1000
  }
} finally {
  await postgres.stop('fast')
  rmSync(store, { recursive: true, force: true })
}
