// What the benches share: an embedded PostgreSQL in a folder of its own, a slot in which rows wait, and runs of a feed
// over them in a process of its own. Everything goes when the bench ends, also when it fails.

import { fork } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pino from 'pino'
import { logStart, type Position } from '../src/changelog/changelog.ts'
import { logInFolder, openChangelog } from '../src/changelog/open-changelog.ts'
import type { FeedSpec, SinkSpec } from '../src/core/feed-spec.ts'
import type { Hlc } from '../src/core/hlc.ts'
import { IngestThread } from '../src/ingest/ingest-thread.ts'
import { watchTables } from '../src/ingest/watch.ts'
import { startEmbedded, type EmbeddedPostgres } from '../src/postgres/embedded/embedded.ts'
import { openRawConnection, type RawConnection } from '../src/postgres/raw-connection.ts'
import type { SourceConnection } from '../src/postgres/source-connection.ts'
import { until } from '../test/support/until.ts'
import { specOf } from '../test/support/spec-of.ts'
import { endsWithUs, killNow, starting } from './ends-with-us.ts'
import type { FeedCost, FeedWork } from './feed-process.ts'
import { postgresCpu, type TreeCpu } from './process-usage.ts'

export const giveUpAfterMs = 900_000
const feedProcess = fileURLToPath(new URL('feed-process.ts', import.meta.url))

/** One of PostgreSQL's client programs; undefined: not installed. */
export function findProgram(name: string): string | undefined {
  return [`/usr/bin/${name}`, `/usr/lib/postgresql/15/bin/${name}`].find((path) => existsSync(path))
}

export interface RunCost extends FeedCost {
  /** CPU seconds of PostgreSQL meanwhile. */
  readonly postgresCpu: number
}

export class BenchSource implements AsyncDisposable {
  readonly store: string
  readonly #postgres: EmbeddedPostgres
  readonly control: RawConnection
  readonly source: SourceConnection
  readonly #ended: () => void
  #relid = 0
  /** As `watch` left it. */
  #quiet: { readonly tail: Position; readonly head: Position } = { tail: logStart, head: logStart }

  private constructor(store: string, postgres: EmbeddedPostgres, control: RawConnection, source: SourceConnection) {
    this.store = store
    this.#postgres = postgres
    this.control = control
    this.source = source
    // Its SIGQUIT takes its processes with it.
    this.#ended = endsWithUs(() => killNow(postgres.pid, 'SIGQUIT'))
  }

  static async open(): Promise<BenchSource> {
    return starting(() => BenchSource.#open())
  }

  static async #open(): Promise<BenchSource> {
    const store = mkdtempSync(join(tmpdir(), 'changefeed-bench-'))
    chmodSync(store, 0o755)
    let postgres: EmbeddedPostgres | undefined
    try {
      postgres = await startEmbedded({ dir: join(store, 'postgres'), log: pino({ level: 'silent' }) })
      const source = { ...postgres.source, database: 'defaultdb' }
      return new BenchSource(store, postgres, await openRawConnection({ source }), source)
    } catch (error) {
      await postgres?.stop('fast')
      rmSync(store, { recursive: true, force: true })
      throw error
    }
  }

  async one(sql: string): Promise<string> {
    return (await this.control.query(sql))[0]?.[0] ?? ''
  }

  cpu(): TreeCpu {
    return postgresCpu(this.#postgres.pid)
  }

  /** The source's clock. */
  async now(): Promise<Hlc> {
    const micros = await this.one('SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint')
    return { wall: BigInt(micros) * 1000n, logical: 0 }
  }

  /** Slot, publication and log exist from now on for a table; what is written to it waits in the slot. */
  async watch(table: string): Promise<void> {
    this.#relid = Number(await this.one(`SELECT '${table}'::regclass::oid::text`))
    const log = logInFolder(this.#logDir)
    const { status: head } = openChangelog(log)
    const settings = { closedTargetMs: 100, retentionMs: 3_600_000, maxLogBytes: 0 }
    const start = { log, source: this.source, settings }
    const ingest = new IngestThread(start, () => undefined)
    try {
      ingest.demand(1)
      await ingest.ready
      await watchTables(this.source, [{ relid: this.#relid }])
      const { wall } = await this.now()
      await until('the log knows the table', 30_000, () => (head.resolvedWall > wall ? true : undefined))
    } finally {
      await ingest.stop()
    }
    this.#quiet = { tail: head.tail, head: head.head }
    cpSync(this.#logDir, this.#quietLogDir, { recursive: true })
    await this.#slotIsFree()
    await this.control.query(`SELECT pg_copy_logical_replication_slot(slot_name, 'bench_mark') FROM (${ourSlot}) s`)
  }

  /** Slot and log stand again where `watch` left them: the same waits once more. */
  async rewind(): Promise<void> {
    rmSync(this.#logDir, { recursive: true })
    cpSync(this.#quietLogDir, this.#logDir, { recursive: true })
    await this.#slotIsFree()
    const slot = await this.one(ourSlot)
    await this.control.query(`SELECT pg_drop_replication_slot('${slot}')`)
    await this.control.query(`SELECT pg_copy_logical_replication_slot('bench_mark', '${slot}')`)
  }

  /** Everything that waits in the slot, through changelog and feed into a sink; done when the sink has flushed it. */
  async drain(rows: number, sink: SinkSpec, changed: Partial<FeedSpec> = {}): Promise<RunCost> {
    const cost = await this.run({ ...changed, sink, endTime: await this.now() })
    if (cost.messages !== rows) throw new Error(`${cost.messages} messages of ${rows} rows`)
    return cost
  }

  /** Runs a feed over the watched table to its end, with its ingest, in a process of its own. */
  async run(changed: Partial<FeedSpec>): Promise<RunCost> {
    const work: FeedWork = {
      spec: { ...plainFeed(this.#relid), ...changed },
      logDir: this.#logDir,
      source: this.source,
      startPosition: this.#quiet.head,
      quietLog: { dir: this.#quietLogDir, ...this.#quiet },
      withinMs: giveUpAfterMs,
    }
    const before = this.cpu().total
    const cost = await runInChild(work)
    return { ...cost, postgresCpu: this.cpu().total - before }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.control.close().catch(() => undefined)
    await this.#postgres.stop('fast')
    this.#ended()
    rmSync(this.store, { recursive: true, force: true })
  }

  get #logDir(): string {
    return join(this.store, 'log')
  }

  get #quietLogDir(): string {
    return join(this.store, 'log-before')
  }

  async #slotIsFree(): Promise<void> {
    await until('nobody reads the slot', 30_000, async () =>
      (await this.one(`SELECT 1 FROM pg_replication_slots WHERE active AND slot_name = (${ourSlot})`)) === ''
        ? true
        : undefined,
    )
  }
}

const ourSlot = `SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'pg\\_changefeed%' AND NOT temporary`

async function runInChild(work: FeedWork): Promise<FeedCost> {
  // The spec holds bigints.
  const child = fork(feedProcess, { serialization: 'advanced' })
  const stop = (): void => void child.kill('SIGKILL')
  const ended = endsWithUs(stop)
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  try {
    const { promise, resolve, reject } = Promise.withResolvers<FeedCost>()
    child.once('message', ({ cost, error }: { cost?: FeedCost; error?: string }) => {
      if (cost !== undefined) resolve(cost)
      else reject(new Error(`the feed's process: ${error}`))
    })
    child.once('exit', (code) => reject(new Error(`the feed's process ended with code ${code}`)))
    child.send(work)
    return await promise
  } finally {
    // It ends by itself when it has stopped its threads.
    const timer = setTimeout(stop, 10_000)
    await exited
    clearTimeout(timer)
    ended()
  }
}

function plainFeed(relid: number): FeedSpec {
  const targets = [{ relid, topic: 'narrow', tableName: 'narrow' }]
  return specOf({ id: 'bench', database: 'defaultdb', targets, updated: true, initialScan: 'no' })
}
