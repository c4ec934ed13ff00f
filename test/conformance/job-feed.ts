// A changefeed with INTO as a case sees it: the job, the notices of its statement, and what came to its topics. A
// statement that was refused is a feed too, with an error and nothing else.

import type pg from 'pg'
import { hlcOf } from '../feed/test-feed.ts'
import { type TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { TopicReader, type TopicMessage } from '../services/kafka/topic-reader.ts'
import { OrderValidator } from '../validators/order.ts'

const withinMs = 30_000

export interface JobFeedOptions {
  readonly server: TestServer
  readonly client: pg.Client
  readonly statement: string
  readonly values: readonly string[]
  /** Where its topics are; undefined: it writes to none. */
  readonly bootstrap: string | undefined
  /** Of its topics, so that cases with tables of one name do not meet. */
  readonly topicPrefix: string
  readonly tables: readonly string[]
}

export interface JobRow {
  readonly status: string
  readonly running_status: string | null
  readonly description: string
  readonly error: string
  readonly high_water_timestamp: string | null
}

export class JobFeed implements AsyncDisposable {
  readonly notices: string[] = []
  readonly messages: TopicMessage[] = []
  readonly tables: readonly string[]
  jobId = ''
  error: pg.DatabaseError | undefined
  readonly #server: TestServer
  readonly #topicPrefix: string
  readonly #reader: TopicReader | undefined
  readonly #order = new OrderValidator({ strict: true })

  private constructor({ server, bootstrap, topicPrefix, tables }: JobFeedOptions) {
    this.#server = server
    this.#topicPrefix = topicPrefix
    this.tables = tables
    const topics = tables.map((table) => topicPrefix + table)
    this.#reader =
      bootstrap === undefined ? undefined : new TopicReader(bootstrap, topics, (message) => this.#take(message))
  }

  static async open(options: JobFeedOptions): Promise<JobFeed> {
    const { client, statement, values } = options
    const feed = new JobFeed(options)
    const hear = ({ message }: { message?: string | undefined }): unknown => feed.notices.push(message ?? '')
    client.on('notice', hear)
    try {
      const { rows } = await client.query<{ job_id: string }>(statement, [...values])
      feed.jobId = rows[0]?.job_id ?? ''
    } catch (error) {
      feed.error = error as pg.DatabaseError
    } finally {
      client.off('notice', hear)
    }
    return feed
  }

  /** `[1]->{"after": …}`, with the table before it when `withTopic`. */
  texts(withTopic: boolean): readonly string[] {
    return this.messages.flatMap(({ topic, key, value }) =>
      key === null
        ? []
        : [`${withTopic ? `${topic.slice(this.#topicPrefix.length)}: ` : ''}${String(key)}->${String(value)}`],
    )
  }

  get resolved(): readonly TopicMessage[] {
    return this.messages.filter(({ key }) => key === null)
  }

  get failures(): readonly string[] {
    return this.#order.failures()
  }

  async job(): Promise<JobRow> {
    if (this.error !== undefined) throw this.error
    const [row] = await this.#server.sql(`SELECT * FROM crdb_internal.jobs WHERE job_id = ${this.jobId}`)
    return row as unknown as JobRow
  }

  async reaches(status: string): Promise<JobRow> {
    return until(`the job is ${status}`, withinMs, async () => {
      const row = await this.job()
      return row.status === status ? row : undefined
    })
  }

  async row(count: number): Promise<void> {
    if (this.error !== undefined) throw this.error
    await until(`${count} rows (there are ${this.texts(false).length})`, withinMs, () =>
      this.texts(false).length >= count ? true : undefined,
    )
  }

  /** What is in its topics now has been read. */
  async drained(): Promise<void> {
    await this.#reader?.drained(withinMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.jobId !== '') await this.#server.sql(`CANCEL JOB ${this.jobId}`).catch(() => undefined)
    await this.#reader?.[Symbol.asyncDispose]()
  }

  #take(message: TopicMessage): void {
    this.messages.push(message)
    const { topic, partition, key, value } = message
    const text = (value ?? Buffer.alloc(0)).toString()
    const place = `${topic}/${partition}`
    if (key === null) this.#order.noteResolved(place, hlcOf(text, 'resolved'))
    else if (text.includes('"updated": "')) {
      const updated = hlcOf(text, 'updated')
      this.#order.noteRow({ partition: place, topic, key: key.toString(), value: text, updated })
    }
  }
}
