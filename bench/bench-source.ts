// What the benches share: a PostgreSQL, the embedded one in a folder of its own or somebody else's, a slot in which rows
// wait, and runs of a feed over them in a process of its own. Everything goes when the bench ends, also when it fails.

import { fork } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { nodeFlags } from '../bin/node-flags.js'
import { logStart, type Position } from '../src/changelog/changelog.ts'
import { logInFolder, openChangelog } from '../src/changelog/open-changelog.ts'
import { compileCache } from '../src/core/compile-cache.ts'
import type { FeedSpec, SinkSpec } from '../src/core/feed-spec.ts'
import type { Hlc } from '../src/core/hlc.ts'
import { IngestThread } from '../src/ingest/ingest-thread.ts'
import { watchTables } from '../src/ingest/watch.ts'
import { startEmbedded } from '../src/postgres/embedded/embedded.ts'
import { openRawConnection, type RawConnection } from '../src/postgres/raw-connection.ts'
import type { SourceConnection } from '../src/postgres/source-connection.ts'
import { until } from '../test/support/until.ts'
import { specOf } from '../test/support/spec-of.ts'
import { endsWithUs, killNow, starting } from './ends-with-us.ts'
import type { FeedCost, FeedWork } from './feed-process.ts'
import { feedProcess } from './measured-program.ts'
import { postgresCpu, type TreeCpu } from './process-usage.ts'

export const giveUpAfterMs = 900_000

/** One of PostgreSQL's client programs; undefined: not installed. */
export function findProgram(name: string): string | undefined {
  return [`/usr/bin/${name}`, `/usr/lib/postgresql/15/bin/${name}`].find((path) => existsSync(path))
}

export interface RunCost extends FeedCost {
  /** CPU seconds of PostgreSQL meanwhile. */
  readonly postgresCpu: number
}

/** A PostgreSQL that a bench has started, and how it is reached. */
export interface BenchPostgres {
  readonly source: SourceConnection
  readonly pid: number
  stop(): Promise<unknown>
}

export class BenchSource implements AsyncDisposable {
  readonly store: string
  readonly #postgres: BenchPostgres
  readonly control: RawConnection
  readonly #ended: () => void
  #relid = 0
  /** As `watch` left it. */
  #quiet: { readonly tail: Position; readonly head: Position } = { tail: logStart, head: logStart }

  private constructor(store: string, postgres: BenchPostgres, control: RawConnection) {
    this.store = store
    this.#postgres = postgres
    this.control = control
    // Its SIGQUIT takes its processes with it.
    this.#ended = endsWithUs(() => killNow(postgres.pid, 'SIGQUIT'))
  }

  /** Without `start`: with a PostgreSQL of ours in the store. */
  static async open(start = startOurs): Promise<BenchSource> {
    return starting(() => BenchSource.#open(start))
  }

  static async #open(start: (store: string) => Promise<BenchPostgres>): Promise<BenchSource> {
    const store = mkdtempSync(join(tmpdir(), 'changefeed-bench-'))
    chmodSync(store, 0o755)
    let postgres: BenchPostgres | undefined
    try {
      postgres = await start(store)
      return new BenchSource(store, postgres, await openRawConnection({ source: postgres.source }))
    } catch (error) {
      await postgres?.stop()
      rmSync(store, { recursive: true, force: true })
      throw error
    }
  }

  get source(): SourceConnection {
    return this.#postgres.source
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
  async drain(
    rows: number,
    sink: SinkSpec,
    { source, ...changed }: Partial<FeedSpec> & { readonly source?: SourceConnection } = {},
  ): Promise<RunCost> {
    const cost = await this.run({ ...changed, sink, endTime: await this.now() }, source)
    if (cost.messages !== rows) throw new Error(`${cost.messages} messages of ${rows} rows`)
    return cost
  }

  /** Runs a feed over the watched table to its end, with its ingest, in a process of its own, which may take another way to PostgreSQL. */
  async run(changed: Partial<FeedSpec>, source = this.source): Promise<RunCost> {
    const work: FeedWork = {
      spec: { ...plainFeed(this.#relid, source.database), ...changed },
      logDir: this.#logDir,
      source,
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
    await this.#postgres.stop()
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
  const child = fork(feedProcess, {
    serialization: 'advanced',
    execArgv: [...nodeFlags],
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
  })
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

async function startOurs(store: string): Promise<BenchPostgres> {
  const postgres = await startEmbedded({ dir: join(store, 'postgres'), log: pino({ level: 'silent' }) })
  return {
    source: { ...postgres.source, database: 'defaultdb' },
    // It is another one after a restart.
    get pid(): number {
      return postgres.pid
    },
    stop: () => postgres.stop('fast'),
  }
}

function plainFeed(relid: number, database: string): FeedSpec {
  const targets = [{ relid, topic: 'narrow', tableName: 'narrow' }]
  return specOf({ id: 'bench', database, targets, updated: true, initialScan: 'no' })
}
