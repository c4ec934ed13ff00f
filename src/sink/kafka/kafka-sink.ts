// The Kafka sink. Messages become record batches, a queue of them for each partition, and leave in Produce requests to the
// brokers that lead the partitions.
//
// Order: a key belongs to one partition, and of a partition one batch is under way at a time, so versions of a row arrive
// in the order in which they were emitted, also over retries. Durability: `flush` settles when every batch has been
// acknowledged as the spec's acks say; without acks, when the brokers have refused none of them. Memory: `emit` waits while more than `maxBufferedBytes` are on their way.
// Trouble: a request is tried again as the spec's retry says; what fails then fails the sink, every later call throws,
// and the feed starts again from its checkpoint. It refuses to drop, to reorder, and to log a key or a value.

import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from '@platformatic/kafka'
import type { KafkaSinkSpec } from '../../core/kafka-sink-spec.ts'
import type { MessageBatch } from '../../core/message-batch.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Sink } from '../sink.ts'
import { compression } from './compression.ts'
import type { KafkaClient, TopicLayout } from './kafka-client.ts'
import { kafkaCode, mayPass, sinkError } from './kafka-errors.ts'
import { BatchPool, PartitionQueue } from './partition-queue.ts'
import { partitionOf } from './partitioner.ts'
import { recordHeaders } from './record-batch.ts'
import { confirm, produce, type PartitionAnswer } from './produce.ts'

export type KafkaLog = (level: 'info' | 'warn' | 'error', text: string) => void

export interface KafkaSinkOptions {
  readonly spec: KafkaSinkSpec
  readonly client: KafkaClient
  readonly log: KafkaLog
  /** What waits or is sent fails when it aborts. */
  readonly signal: AbortSignal
  /** New partitions are looked for no more often. */
  readonly refreshMs?: number
}

const maxBufferedBytes = 8 * 1024 * 1024
/** Of one request to one broker. */
const maxRequestBytes = 4 * 1024 * 1024
/** Requests under way to one broker, each with other partitions. */
const maxRequestsPerBroker = 4
const defaultRefreshMs = 60_000
const maxBackoffMs = 30_000
const acksCodes = { none: 0, one: 1, all: -1 } as const

export class KafkaSink implements Sink {
  readonly #options: KafkaSinkOptions
  readonly #compress
  readonly #pool: BatchPool
  /** By topic name. */
  readonly #topics = new Map<string, PartitionQueue[]>()
  /** By index of the feed's topics. */
  #targets: readonly PartitionQueue[][] = []
  readonly #requests = new Map<number, number>()
  #producer: { readonly id: bigint; readonly epoch: number } | undefined
  /** Over which batches went without acks since the last flush. */
  readonly #unconfirmed = new Set<Connection>()
  #refreshedAtMs = 0
  /** Batches leave before they are full. */
  #isFlushing = false
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  /** While requests fail nothing new is sent. */
  #isPausing = false
  #failure: FeedError | undefined
  #waiter: PromiseWithResolvers<void> | undefined

  constructor(options: KafkaSinkOptions) {
    this.#options = options
    this.#compress = compression(options.spec)
    this.#pool = new BatchPool(recordHeaders(options.spec.headers ?? []))
    options.signal.addEventListener('abort', () => this.#fail(options.signal.reason), { once: true })
  }

  /** Asks for the topics, and for a producer id where acks allow one. */
  async open(): Promise<void> {
    const { spec, client } = this.#options
    const layouts = await this.#refresh()
    // Without acks it would not be heard that a leader refused.
    if (spec.acks === 'none') await client.askLeaders(layouts)
    if (spec.acks === 'all') this.#producer = await client.newProducerId()
  }

  async emit(batch: MessageBatch): Promise<void> {
    this.#check()
    const { count, topics, keyStarts, valueStarts, valueEnds, nilValues } = batch
    const { buffer } = batch.bytes
    for (let i = 0; i < count; i++) {
      const queues = this.#targets[topics[i] as number] as PartitionQueue[]
      const keyStart = keyStarts[i] as number
      const keyEnd = valueStarts[i] as number
      const partition = queues.length === 1 ? 0 : partitionOf(buffer, keyStart, keyEnd, queues.length)
      ;(queues[partition] as PartitionQueue).add(
        buffer,
        keyStart,
        keyEnd,
        nilValues[i] === 1 ? -1 : (valueEnds[i] as number),
      )
    }
    this.#pump()
    while (this.#bufferedBytes() > maxBufferedBytes) await this.#progress()
  }

  async emitResolved(payload: Uint8Array): Promise<void> {
    this.#check()
    // Keys may move to other partitions only while none is under way.
    const { refreshMs = defaultRefreshMs } = this.#options
    if (Date.now() - this.#refreshedAtMs >= refreshMs && this.#isEmpty()) await this.#refresh()
    for (const queues of this.#topics.values()) {
      for (const queue of queues) queue.add(payload, -1, 0, payload.length)
    }
    this.#pump()
  }

  async flush(): Promise<void> {
    this.#check()
    this.#isFlushing = true
    try {
      this.#pump()
      while (!this.#isEmpty()) await this.#progress()
    } finally {
      this.#isFlushing = false
    }
    for (const connection of this.#unconfirmed) {
      await confirm(connection).catch((error: unknown) => this.#fail(error))
      this.#unconfirmed.delete(connection)
    }
    this.#check()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer)
    this.#failure ??= new FeedError('FEED_STATE', 'the sink is closed')
    await this.#options.client[Symbol.asyncDispose]()
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** The next time that something was delivered; throws when the sink has failed. */
  async #progress(): Promise<void> {
    this.#check()
    this.#waiter ??= Promise.withResolvers()
    await this.#waiter.promise
    this.#check()
  }

  #wake(): void {
    this.#waiter?.resolve()
    this.#waiter = undefined
  }

  #fail(error: unknown): void {
    this.#failure ??= sinkError('sending to Kafka failed', error)
    this.#wake()
  }

  #bufferedBytes(): number {
    let sum = 0
    for (const queues of this.#topics.values()) for (const queue of queues) sum += queue.bytes
    return sum
  }

  #isEmpty(): boolean {
    for (const queues of this.#topics.values()) for (const queue of queues) if (!queue.isEmpty) return false
    return true
  }

  /** Sends what is ready to brokers that can take more. */
  #pump(): void {
    if (this.#failure !== undefined || this.#isPausing) return
    const isDue = this.#isFlushing || this.#isEager()
    const requests = new Map<number, { queues: PartitionQueue[]; bytes: number }>()
    let isWaiting = false
    for (const queues of this.#topics.values()) {
      for (const queue of queues) {
        if (queue.isUnderWay) continue
        if (!queue.hasFull) {
          if (queue.openCount === 0) continue
          if (!isDue && !this.#isLarge(queue)) {
            isWaiting = true
            continue
          }
        }
        if ((this.#requests.get(queue.leader) ?? 0) >= maxRequestsPerBroker) continue
        if (!queue.hasFull) queue.close()
        const request = requests.get(queue.leader) ?? { queues: [], bytes: 0 }
        if (request.bytes > maxRequestBytes) continue
        request.queues.push(queue)
        request.bytes += queue.bytes
        requests.set(queue.leader, request)
      }
    }
    for (const [leader, { queues }] of requests) void this.#send(leader, queues)
    const { frequencyMs } = this.#options.spec.flush
    if (isWaiting && frequencyMs > 0) this.#timer ??= setTimeout(() => this.#timeIsUp(), frequencyMs)
  }

  /** Without bounds of its own a message waits only for those that are under way. */
  #isEager(): boolean {
    const { messages, bytes, frequencyMs } = this.#options.spec.flush
    return frequencyMs === 0 && messages === 0 && bytes === 0
  }

  #isLarge(queue: PartitionQueue): boolean {
    const { messages, bytes } = this.#options.spec.flush
    return (messages > 0 && queue.openCount >= messages) || (bytes > 0 && queue.openBytes >= bytes)
  }

  #timeIsUp(): void {
    this.#timer = undefined
    for (const queues of this.#topics.values()) for (const queue of queues) queue.close()
    this.#pump()
  }

  async #send(leader: number, queues: readonly PartitionQueue[]): Promise<void> {
    const { client, spec } = this.#options
    this.#requests.set(leader, (this.#requests.get(leader) ?? 0) + 1)
    try {
      const header = { nowMs: Date.now(), compress: this.#compress }
      const all = queues.map((queue) => ({
        topic: queue.topic,
        partition: queue.partition,
        records: queue.start(header, this.#producer),
      }))
      const connection = await client.connection(leader)
      if (spec.acks === 'none') this.#unconfirmed.add(connection)
      const answers = await produce(connection, acksCodes[spec.acks], all)
      const troubles = queues.flatMap((queue) => this.#settle(queue, answers) ?? [])
      if (troubles.length === 0) this.#failures = 0
      else await this.#tryAgain(troubles[0])
    } catch (error) {
      for (const queue of queues) queue.failed()
      await this.#tryAgain(error)
    } finally {
      this.#requests.set(leader, (this.#requests.get(leader) ?? 1) - 1)
    }
    this.#pump()
    this.#wake()
  }

  #sourcesOf(topic: string): string {
    const { topics, sources } = this.#options.spec
    return sources.filter((_, i) => topics[i] === topic).join(' or ')
  }

  /** What became of one partition's batch; gives an error that may pass. */
  #settle(queue: PartitionQueue, answers: readonly PartitionAnswer[]): FeedError | undefined {
    const { acks } = this.#options.spec
    const answer = answers.find(({ topic, partition }) => topic === queue.topic && partition === queue.partition)
    if (acks === 'none' || answer?.code === 0) {
      queue.delivered()
      return undefined
    }
    const code = answer?.code ?? kafkaCode.networkException
    if (code === kafkaCode.messageTooLarge || code === kafkaCode.recordListTooLarge) {
      const bytes = queue.underWayBytes
      if (queue.split()) return undefined
      this.#fail(tooLarge(queue, bytes, this.#sourcesOf(queue.topic)))
      return undefined
    }
    queue.failed()
    const error = new FeedError(
      'FEED_SINK',
      `Kafka did not take messages of topic ${queue.topic}, partition ${queue.partition}: ${answer?.message ?? `error code ${code}`}`,
    )
    if (mayPass(code)) return error
    this.#fail(error)
    return undefined
  }

  /** Waits, looks where the partitions are now, and lets requests go on; or gives up. */
  async #tryAgain(error: unknown): Promise<void> {
    const { spec, log, signal } = this.#options
    if (this.#isPausing || this.#failure !== undefined) return
    const failure = sinkError('sending to Kafka failed', error)
    this.#failures += 1
    if (this.#failures > spec.retry.max) {
      this.#fail(failure)
      return
    }
    this.#isPausing = true
    try {
      const waitMs = Math.min(spec.retry.backoffMs * 2 ** (this.#failures - 1), maxBackoffMs)
      log('warn', `${failure.message}; attempt ${this.#failures + 1} in ${waitMs} ms`)
      await delay(waitMs, undefined, { signal }).catch(() => undefined)
      if (!signal.aborted)
        await this.#refresh().catch((reason: unknown) => log('warn', sinkError('no metadata', reason).message))
    } finally {
      this.#isPausing = false
    }
  }

  /** Where the partitions are, and how many; those that are there keep what waits for them. */
  async #refresh(): Promise<ReadonlyMap<string, TopicLayout>> {
    const { spec, client } = this.#options
    const names = [...new Set(spec.topics)]
    const layouts = await client.topics(names)
    this.#refreshedAtMs = Date.now()
    const mayGrow = this.#isEmpty()
    for (const [topic, { leaders }] of layouts) {
      const queues = this.#topics.get(topic) ?? []
      for (const [partition, leader] of leaders.entries()) {
        const queue = queues[partition]
        if (queue !== undefined) queue.leader = leader
        else if (mayGrow) queues.push(new PartitionQueue(topic, partition, leader, this.#pool))
      }
      this.#topics.set(topic, queues)
    }
    this.#targets = spec.topics.map((topic) => this.#topics.get(topic) ?? [])
    return layouts
  }
}

function tooLarge({ topic }: PartitionQueue, bytes: number, source: string): FeedError {
  return new FeedError(
    'FEED_SINK',
    `message too large: a row of ${source} gives a message of ${bytes} bytes, more than topic ${topic} takes`,
    {
      hint: 'raise max.message.bytes of the topic (and replica.fetch.max.bytes of the brokers), or compress with kafka_sink_config',
    },
  )
}
