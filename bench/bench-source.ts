// What the benches of one process share: an embedded PostgreSQL in a folder of its own, its ingest, and a feed into the
// null sink. Everything goes when the bench ends, also when it fails.

import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pino from 'pino'
import { LogHead } from '../src/changelog/files/log-head.ts'
import type { FeedSpec, SinkSpec } from '../src/core/feed-spec.ts'
import { FeedPool } from '../src/feed/feed-pool.ts'
import { IngestThread } from '../src/ingest/ingest-thread.ts'
import { startEmbedded, type EmbeddedPostgres } from '../src/postgres/embedded/embedded.ts'
import { openRawConnection, type RawConnection } from '../src/postgres/raw-connection.ts'
import type { SourceConnection } from '../src/postgres/source-connection.ts'

const giveUpAfterS = 900

/** One of PostgreSQL's client programs; undefined: not installed. */
export function findProgram(name: string): string | undefined {
  return [`/usr/bin/${name}`, `/usr/lib/postgresql/15/bin/${name}`].find((path) => existsSync(path))
}

export class BenchSource implements AsyncDisposable {
  readonly store: string
  readonly head = new LogHead()
  readonly #postgres: EmbeddedPostgres
  readonly control: RawConnection
  readonly source: SourceConnection

  private constructor(store: string, postgres: EmbeddedPostgres, control: RawConnection, source: SourceConnection) {
    this.store = store
    this.#postgres = postgres
    this.control = control
    this.source = source
  }

  static async open(): Promise<BenchSource> {
    const store = mkdtempSync(join(tmpdir(), 'changefeed-bench-'))
    chmodSync(store, 0o755)
    const postgres = await startEmbedded({ dir: join(store, 'postgres'), log: pino({ level: 'silent' }) })
    const source = { ...postgres.source, database: 'defaultdb' }
    return new BenchSource(store, postgres, await openRawConnection({ source }), source)
  }

  async one(sql: string): Promise<string> {
    return (await this.control.query(sql))[0]?.[0] ?? ''
  }

  get logDir(): string {
    return join(this.store, 'log')
  }

  startIngest(): IngestThread {
    const settings = { closedTargetMs: 100, retentionMs: 3_600_000, maxLogBytes: 0 }
    return new IngestThread(
      { dir: this.logDir, head: this.head.shared, source: this.source, settings },
      () => undefined,
    )
  }

  /** Runs a feed over one table to its end, or until it has given so many messages; gives the seconds from now. */
  async run(relid: number, messages: number, options: Partial<FeedSpec> & { startPosition?: number }): Promise<number> {
    const { startPosition = this.head.head, ...changed } = options
    const spec = feedSpec(relid, changed)
    const feeds = new FeedPool(1)
    const abort = new AbortController()
    const startedAt = performance.now()
    const ingest = this.startIngest()
    try {
      ingest.demand(1)
      await ingest.ready
      let failure: unknown
      const feed = feeds
        .run(
          {
            spec,
            logDir: this.logDir,
            logHead: this.head.shared,
            source: this.source,
            startPosition,
            startTime: { wall: 1n, logical: 0 },
          },
          { rows: async () => undefined, closeNow: () => ingest.closeNow() },
          abort.signal,
        )
        .catch((error: unknown) => (failure = error))
      for (;;) {
        const seconds = (performance.now() - startedAt) / 1000
        const given = feeds.running[0]?.progress.messages ?? feeds.past.messages
        const done = spec.endTime === undefined ? given >= messages : feeds.running.length === 0
        if (done) {
          if (failure !== undefined) throw failure
          abort.abort(new Error('done'))
          await feed
          return seconds
        }
        if (failure !== undefined) throw failure
        if (seconds > giveUpAfterS) throw new Error(`not ${messages} messages within ${seconds} s`)
        await delay(20)
      }
    } finally {
      await feeds.close()
      await ingest.stop()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.control.close().catch(() => undefined)
    await this.#postgres.stop('fast')
    rmSync(this.store, { recursive: true, force: true })
  }
}

const nullSink: SinkSpec = { tag: 'null' }

function feedSpec(relid: number, changed: Partial<FeedSpec>): FeedSpec {
  return {
    id: 'bench',
    database: 'defaultdb',
    targets: [{ relid, topic: 'narrow', tableName: 'narrow' }],
    format: 'json',
    envelope: 'wrapped',
    updated: true,
    mvccTimestamp: false,
    diff: false,
    keyInValue: false,
    topicInValue: false,
    encodeJsonNullAsObject: false,
    resolvedIntervalMs: 0,
    minCheckpointMs: 0,
    initialScan: 'no',
    cursor: undefined,
    endTime: undefined,
    sink: nullSink,
    ...changed,
  }
}

/** Peak memory of this process, all threads. */
export function peakMegabytes(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024)
}

/** CPU seconds of this process so far, all threads. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
