// The feed of a statement with INTO: its job, and what a reader of the far end of its sink sees. A statement that was
// refused is a feed too, with an error and nothing else.

import type pg from 'pg'
import type { TestServer } from '../server/test-server.ts'
import { settlesWithin } from '../support/deadline.ts'
import { ReadFeed } from './read-feed.ts'
import type { FeedFailure, FeedMessage } from './test-feed.ts'
import { TestJob, type JobRow } from './test-job.ts'

const withinMs = 30_000
/** A job whose messages are waited for is asked no more often whether it has failed. */
const lookEveryMs = 500

/** Reads the far end of a sink and gives each message to `take` as it comes, until it is disposed of. */
export interface FarEndReader extends AsyncDisposable {
  /** Settles when everything that is at the far end now has been read. */
  drained(withinMs: number): Promise<void>
}

export type OpenReader = (take: (message: FeedMessage) => void) => FarEndReader

export interface JobFeedOptions {
  readonly server: TestServer
  /** `CREATE CHANGEFEED FOR … INTO '…' …` */
  readonly statement: string
  readonly values?: readonly string[]
  readonly database?: string | undefined
  /** The statement runs on this connection. */
  readonly client?: pg.Client | undefined
  /** Undefined: nobody reads what it sends. */
  readonly read?: OpenReader | undefined
  /** False: what the far end has is not one history, so that no validator can judge it. */
  readonly isJudged?: boolean
}

export class JobFeed extends ReadFeed {
  readonly #server: TestServer
  readonly #reader: FarEndReader | undefined
  #job: TestJob | undefined
  #error: (Error & FeedFailure) | undefined
  #ended: Promise<void> | undefined
  #lookedAtMs = 0
  readonly #isJudged: boolean

  protected constructor(
    { server, read, isJudged = true }: Pick<JobFeedOptions, 'server' | 'read' | 'isJudged'>,
    statement: string,
  ) {
    super(statement)
    this.#server = server
    this.#isJudged = isJudged
    this.#reader = read?.((message) => this.take(message))
  }

  static async open(options: JobFeedOptions): Promise<JobFeed> {
    const feed = new JobFeed(options, options.statement)
    await feed.create(options)
    return feed
  }

  protected async create({ client: given, database, statement, values = [] }: JobFeedOptions): Promise<void> {
    const client = given ?? (await this.#server.connect(database))
    const hear = ({ message }: { message?: string | undefined }): unknown => this.notices.push(message ?? '')
    client.on('notice', hear)
    try {
      const { rows } = await client.query<{ job_id: string }>(statement, [...values])
      this.watch(String(rows[0]?.job_id))
    } catch (error) {
      this.#error = error as pg.DatabaseError
    } finally {
      client.off('notice', hear)
      if (given === undefined) await client.end()
    }
  }

  protected watch(jobId: string): void {
    this.#job = new TestJob(this.#server, jobId)
  }

  /** Throws why there is none. */
  get job(): TestJob {
    if (this.#job === undefined) throw this.#error ?? new Error('the statement has not returned')
    return this.#job
  }

  get jobId(): string {
    return this.#job?.id ?? ''
  }

  status(): Promise<JobRow> {
    return this.job.row()
  }

  get error(): (Error & FeedFailure) | undefined {
    return this.#error
  }

  get ended(): Promise<void> {
    return (this.#ended ??= this.#end())
  }

  /** Everything that is at the far end now has been read. */
  async drained(): Promise<void> {
    await this.#reader?.drained(withinMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A server that does not answer must not hide why the test failed.
    if (this.#job !== undefined)
      await settlesWithin(withinMs, 'the job is cancelled', this.#job.cancel()).catch(() => undefined)
    await this.#reader?.[Symbol.asyncDispose]()
    if (this.#isJudged) this.throwFirstFailure()
  }

  async #end(): Promise<void> {
    if (this.#job === undefined) return
    const { status, error } = await this.#job.until('the job is over', (row) =>
      ['succeeded', 'failed', 'canceled'].includes(row.status),
    )
    if (status !== 'succeeded') this.#error ??= new Error(error === '' ? `the job is ${status}` : error)
    await this.drained()
  }

  /** A job that has failed sends nothing any more; its far end may still be read. */
  protected override async throwIfOver(): Promise<void> {
    if (this.#job === undefined) throw this.#error ?? new Error('the statement has not returned')
    if (Date.now() - this.#lookedAtMs < lookEveryMs) return
    this.#lookedAtMs = Date.now()
    const { status, error } = await this.#job.row()
    if (status !== 'failed') return
    await this.drained()
    throw new Error(error)
  }
}
