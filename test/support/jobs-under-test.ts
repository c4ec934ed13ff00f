// The table of jobs in a database of its own, for tests of src/jobs.

import pg from 'pg'
import { pino } from 'pino'
import type { FeedSpec } from '../../src/core/feed-spec.ts'
import type { JobProgress } from '../../src/core/job-progress.ts'
import type { State, StateQuery } from '../../src/core/state.ts'
import { JobRights } from '../../src/jobs/job-rights.ts'
import { JobStore } from '../../src/jobs/job-store.ts'
import type { ClaimedJob, JobHandlers, JobStarter, NewJob } from '../../src/jobs/jobs.ts'
import { PayloadSeal } from '../../src/jobs/payload-seal.ts'
import { rolesSql } from '../../src/jobs/rights-sql.ts'
import { JobRegistry, type RegistryOptions } from '../../src/jobs/registry.ts'
import { poolQueries } from '../../src/postgres/pool-queries.ts'
import { TestPostgres, type TestDatabase } from './postgres-under-test.ts'

export class JobsUnderTest implements AsyncDisposable {
  readonly database: TestDatabase
  /** Runs a statement; a test may put its own in the place of it. */
  query: StateQuery
  readonly seal = new PayloadSeal(Buffer.alloc(32), 'a test')
  readonly #server: TestPostgres
  readonly #client: pg.Pool
  #nextId = 1

  private constructor(server: TestPostgres, database: TestDatabase) {
    const { host, port, socketDir, database: name } = database.source
    this.#server = server
    this.database = database
    this.#client = new pg.Pool({ host: socketDir ?? host, port, user: 'root', database: name, max: 4 })
    this.query = poolQueries(this.#client)
  }

  static async start(): Promise<JobsUnderTest> {
    const server = await TestPostgres.start()
    const jobs = new JobsUnderTest(server, await server.database())
    await jobs.query('CREATE SCHEMA IF NOT EXISTS changefeed', [])
    await jobs.query(rolesSql, [])
    return jobs
  }

  /** Drops the table, which the next store makes again. */
  async clear(): Promise<void> {
    await this.query('DROP TABLE IF EXISTS changefeed.jobs', [])
  }

  newJob(user = 'root'): NewJob {
    return {
      id: String(this.#nextId++),
      description: 'CREATE CHANGEFEED …',
      user,
      payload: { spec: { database: 'd', targets: [], sink: { tag: 'null' } } as unknown as FeedSpec, onError: 'fail' },
      progress: { tag: 'initial-scan', scan: undefined },
    }
  }

  async row(id: string, columns = 'status'): Promise<readonly (string | null)[]> {
    return (await this.query(`SELECT ${columns} FROM changefeed.jobs WHERE job_id = $1`, [id]))[0] ?? []
  }

  get state(): State {
    return { query: this.query, schema: 'changefeed' }
  }

  async store(instance: string, seal = this.seal, sharer?: string): Promise<JobStore> {
    const { state } = this
    const rights = await JobRights.open({ state, roles: this.query })
    return JobStore.open({ state, rights, instance, seal, sharer })
  }

  /** A server that runs jobs: it tries again at once. */
  async registry(instance: string, start: JobStarter, options: Partial<RegistryOptions> = {}): Promise<JobRegistry> {
    return JobRegistry.open({
      store: options.store ?? (await this.store(instance)),
      start,
      log: pino({ level: 'silent' }),
      backoff: () => ({ firstMs: 1, mostMs: 1 }),
      retentionMs: () => 86_400_000,
      ...options,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end()
    await this.#server[Symbol.asyncDispose]()
  }
}

/** What runs where, as the starters of two servers see it. */
export class Runs {
  readonly begun: {
    readonly server: string
    readonly job: ClaimedJob
    readonly handlers: JobHandlers
    /** The feed ends with what its save threw, as a real one does. */
    readonly fail: (error: Error) => void
  }[] = []

  starter(server: string): JobStarter {
    return async (job, handlers) => {
      await new Promise<void>((_, reject) => {
        this.begun.push({ server, job, handlers, fail: reject })
        handlers.signal.addEventListener('abort', () => reject(handlers.signal.reason as Error))
      })
    }
  }
}

/** The progress of a job that follows the changelog. */
export function at(wall: bigint): JobProgress {
  return { tag: 'following', highWater: { wall, logical: 0 } }
}
