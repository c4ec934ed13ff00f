// A process of ours and of nothing else: the ingest of one database and one feed, as the server runs them in its threads,
// so that CPU time and memory are theirs alone. Forked by `BenchSource.run`; hears what to run, says what it took.

import type { Position } from '../src/changelog/changelog.ts'
import { LogHead } from '../src/changelog/files/log-head.ts'
import { logInFolder } from '../src/changelog/open-changelog.ts'
import type { FeedSpec } from '../src/core/feed-spec.ts'
import { MetricScopes } from '../src/core/metric-scopes.ts'
import { FeedPool } from '../src/feed/pool/feed-pool.ts'
import { IngestThread } from '../src/ingest/ingest-thread.ts'
import type { SourceConnection } from '../src/postgres/source-connection.ts'
import { cpuOf, peakMbOf, threadCpu, type ThreadCpu } from './process-usage.ts'

export interface FeedWork {
  readonly spec: FeedSpec
  readonly logDir: string
  readonly source: SourceConnection
  readonly startPosition: Position
  /** The log from before what waits, for the warm-up. */
  readonly quietLog: { readonly dir: string; readonly tail: Position; readonly head: Position }
  /** The feed ends by itself, by its end time or after its scan; at the latest after so long. */
  readonly withinMs: number
}

export interface FeedCost {
  /** From the start of ingest on. */
  readonly seconds: number
  readonly messages: number
  /** Of keys and values. */
  readonly bytes: number
  readonly cpu: number
  /** The same by thread. */
  readonly threads: ThreadCpu
  readonly peakMb: number
}

async function runAlone(work: FeedWork): Promise<FeedCost> {
  const { spec, logDir, source, startPosition, withinMs } = work
  const log = logInFolder(logDir)
  const scopes = new MetricScopes(() => [])
  const feeds = new FeedPool(Number(process.env['BENCH_THREADS'] ?? 1), scopes)
  await warmUp(feeds, work)
  const before = { cpu: cpuOf(process.pid), threads: threadCpu(process.pid) }
  const startedAt = performance.now()
  const settings = { closedTargetMs: 100, retentionMs: 3_600_000, maxLogBytes: 0 }
  const ingest = new IngestThread({ log, source, settings }, () => undefined)
  try {
    ingest.demand(1)
    await ingest.ready
    const start = { spec, log, source, startPosition, startTime: { wall: 1n, logical: 0 } }
    const handlers = { rows: async () => undefined }
    await feeds.run(start, handlers, AbortSignal.timeout(withinMs))
    const seconds = (performance.now() - startedAt) / 1000
    const threads = threadCpu(process.pid)
    return {
      seconds,
      messages: scopes.total.value('messages'),
      bytes: scopes.total.value('bytes'),
      cpu: cpuOf(process.pid) - before.cpu,
      threads: {
        ingest: threads.ingest - before.threads.ingest,
        feed: threads.feed - before.threads.feed,
        rest: threads.rest - before.threads.rest,
      },
      peakMb: peakMbOf(process.pid),
    }
  } finally {
    await feeds.close()
    await ingest.stop()
  }
}

/** A feed that ends at once: its thread and its sink's library are loaded, as in a server that has been up for a while. */
async function warmUp(feeds: FeedPool, { spec, source, quietLog, withinMs }: FeedWork): Promise<void> {
  const head = new LogHead()
  head.tail = quietLog.tail
  head.publish(quietLog.head, { wall: 1n, logical: 0 }, 1n)
  const endsAtOnce: FeedSpec = { ...spec, initialScan: 'no', endTime: { wall: 2n, logical: 0 } }
  const start = {
    spec: endsAtOnce,
    log: { tag: 'files', dir: quietLog.dir, shared: head.shared } as const,
    source,
    startPosition: quietLog.tail,
    startTime: { wall: 1n, logical: 0 },
  }
  await feeds.run(start, { rows: async () => undefined }, AbortSignal.timeout(withinMs))
}

process.once('message', (work: FeedWork) => {
  runAlone(work)
    .then((cost) => process.send?.({ cost }))
    .catch((error: unknown) => process.send?.({ error: error instanceof Error ? error.stack : String(error) }))
    .finally(() => process.disconnect?.())
})
// Whoever forked this is gone: so is this.
process.once('disconnect', () => process.exit())
