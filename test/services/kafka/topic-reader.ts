// Reads topics from their beginning on, without a consumer group: topics and partitions that come later are found, and a
// broker that goes away and comes back is read on from where it was. Where that is not possible, because the topic is another one of
// the same name or the next message was deleted, the reader ends with an error, unless it was opened to start again.

import { setTimeout as delay } from 'node:timers/promises'
import { Base, type ClusterMetadata } from '@platformatic/kafka'
import { idleWaitMs, TopicFetcher, type TopicMessage } from './topic-fetcher.ts'
import { TopicOffsets } from './topic-offsets.ts'

export type { TopicMessage }

export interface TopicReaderOptions {
  /**
   * Says in a sentence why a topic or a partition is read from its start again, before that happens. Undefined: it is an error, because
   * who counts messages must neither get some twice nor miss some.
   */
  readonly onRestart?: ((why: string) => void) | undefined
  /** Says when no broker answers, and when one answers again. */
  readonly onBroker?: ((answers: boolean) => void) | undefined
}

const lookEveryMs = 1000

export class TopicReader implements AsyncDisposable {
  readonly #client: Base
  readonly #topics: readonly string[]
  readonly #options: TopicReaderOptions
  readonly #offsets = new TopicOffsets((why) => this.#restart(why))
  readonly #fetcher: TopicFetcher
  #answers: boolean | undefined
  /** The reader has ended with it. */
  #failure: Error | undefined
  #isClosed = false
  #ended: Promise<void>
  #round = 0
  /** The last one that asked for all topics and got nothing. */
  #emptyRound = 0

  constructor(
    bootstrap: string,
    topics: readonly string[],
    take: (message: TopicMessage) => void,
    options: TopicReaderOptions = {},
  ) {
    this.#client = new Base({
      clientId: 'test-reader',
      bootstrapBrokers: [bootstrap],
      retries: 0,
      connectTimeout: 2000,
    })
    this.#topics = topics
    this.#options = options
    this.#fetcher = new TopicFetcher({ client: this.#client, offsets: this.#offsets, take })
    this.#ended = this.#run()
  }

  /** Rejects with the error with which the reader has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#client.close().catch(() => undefined)
    await this.#ended
    if (this.#failure !== undefined) throw this.#failure
  }

  /** What is in the topics now has been read. Rejects with the error with which the reader has ended. */
  async drained(withinMs: number): Promise<void> {
    // The round that is under way may have asked before.
    const from = this.#round + 1
    const deadline = Date.now() + withinMs
    while (this.#emptyRound < from) {
      if (this.#failure !== undefined) throw this.#failure
      if (Date.now() > deadline)
        throw new Error(`not within ${withinMs} ms: ${this.#topics.join(', ')} read to the end`)
      await delay(10)
    }
  }

  async #run(): Promise<void> {
    let metadata: ClusterMetadata | undefined
    let lookedAtMs = 0
    while (!this.#isClosed && this.#failure === undefined) {
      try {
        if (metadata === undefined || Date.now() - lookedAtMs > lookEveryMs) {
          metadata = await this.#look()
          lookedAtMs = Date.now()
        }
        const round = ++this.#round
        const count = await this.#fetcher.fetch(metadata)
        if (count === 0 && metadata.topics.size === this.#topics.length) this.#emptyRound = round
        if (count === 0 && metadata.topics.size < this.#topics.length) await delay(idleWaitMs)
      } catch {
        // The broker is down, or the topic is just being made.
        metadata = undefined
        await delay(idleWaitMs)
      }
    }
  }

  async #look(): Promise<ClusterMetadata> {
    const all = await this.#askBroker()
    const known = { ...all, topics: new Map(all.topics) }
    known.topics.clear()
    for (const topic of this.#topics) {
      const one = await this.#client
        .metadata({ topics: [topic], autocreateTopics: false, forceUpdate: true })
        .catch(() => undefined)
      const found = one?.topics.get(topic)
      if (found === undefined) continue
      this.#offsets.see(topic, found.id)
      known.topics.set(topic, found)
    }
    return known
  }

  async #askBroker(): Promise<ClusterMetadata> {
    try {
      const all = await this.#client.metadata({ topics: [], autocreateTopics: false, forceUpdate: true })
      this.#noteAnswers(true)
      return all
    } catch (error) {
      this.#noteAnswers(false)
      throw error
    }
  }

  #noteAnswers(answers: boolean): void {
    if (this.#answers !== answers && !this.#isClosed) this.#options.onBroker?.(answers)
    this.#answers = answers
  }

  #restart(why: string): void {
    if (this.#options.onRestart !== undefined) return this.#options.onRestart(why)
    this.#failure = new Error(`${why}, and this reader has read messages of before`)
    throw this.#failure
  }
}
