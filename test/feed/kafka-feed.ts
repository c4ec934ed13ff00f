// The feed of a job into Kafka, as a consumer of its topics sees it.

import { hlcOf } from './test-feed.ts'
import { TopicReader, type TopicMessage } from '../services/kafka/topic-reader.ts'
import type { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { type TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { settlesWithin } from '../support/deadline.ts'
import { OrderValidator } from '../validators/order.ts'

const withinMs = 30_000

export interface KafkaFeedOptions {
  readonly server: TestServer
  readonly broker: KafkaBroker
  /** `CREATE CHANGEFEED FOR … INTO '…' …` */
  readonly statement: string
  readonly topics: readonly string[]
  readonly database?: string
}

export class KafkaFeed implements AsyncDisposable {
  readonly jobId: string
  readonly messages: TopicMessage[] = []
  readonly #server: TestServer
  readonly #reader: TopicReader
  readonly #order = new OrderValidator({ strict: true })

  private constructor(
    { server, broker, topics }: Pick<KafkaFeedOptions, 'server' | 'broker' | 'topics'>,
    jobId: string,
  ) {
    this.#server = server
    this.jobId = jobId
    this.#reader = new TopicReader(broker.bootstrap, topics, (message) => this.#take(message))
  }

  static async open(options: KafkaFeedOptions): Promise<KafkaFeed> {
    const [row] = await options.server.sql(options.statement, options.database)
    return new KafkaFeed(options, String(row?.['job_id']))
  }

  /** Of a job that is there already. */
  static of({
    jobId,
    ...options
  }: Pick<KafkaFeedOptions, 'server' | 'broker' | 'topics'> & { readonly jobId: string }): KafkaFeed {
    return new KafkaFeed(options, jobId)
  }

  get rows(): readonly TopicMessage[] {
    return this.messages.filter(({ key }) => key !== null)
  }

  get resolved(): readonly TopicMessage[] {
    return this.messages.filter(({ key }) => key === null)
  }

  /** `topic: key->value`, as the conformance cases write it. */
  get texts(): readonly string[] {
    return this.rows.map(({ topic, key, value }) => `${topic}: ${String(key)}->${String(value)}`)
  }

  get failures(): readonly string[] {
    return this.#order.failures()
  }

  async row(count: number): Promise<readonly TopicMessage[]> {
    return until(`${count} rows`, withinMs, () => (this.rows.length >= count ? this.rows : undefined))
  }

  async status(): Promise<{ readonly status: string; readonly running_status: string | null; readonly error: string }> {
    const [row] = await this.#server.sql(
      `SELECT status, running_status, error FROM crdb_internal.jobs WHERE job_id = ${this.jobId}`,
    )
    return row as Awaited<ReturnType<KafkaFeed['status']>>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A server that does not answer must not hide why the test failed.
    const canceling = this.#server.sql(`CANCEL JOB ${this.jobId}`)
    await settlesWithin(withinMs, 'the job is cancelled', canceling).catch(() => undefined)
    await this.#reader[Symbol.asyncDispose]()
  }

  #take(message: TopicMessage): void {
    this.messages.push(message)
    const value = message.value?.toString() ?? ''
    const partition = `${message.topic}/${message.partition}`
    if (message.key === null) this.#order.noteResolved(partition, hlcOf(value, 'resolved'))
    else if (value.includes('"updated": "')) {
      this.#order.noteRow({
        partition,
        topic: message.topic,
        key: message.key.toString(),
        value,
        updated: hlcOf(value, 'updated'),
      })
    }
  }
}
