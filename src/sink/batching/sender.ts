// Takes batches from the queues to the brokers that lead their partitions, some requests under way to each broker, never
// two with the same partition. What a broker does not take rests, is looked up again, and is tried again as the spec's
// retry says, partition by partition: a broker in trouble does not keep the others waiting. What fails then, and what no
// time mends, ends the sender.

import { setTimeout as delay } from 'node:timers/promises'
import { backoffAfter } from '../../async/backoff.ts'
import type { KafkaSinkSpec } from '../kafka/spec.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import type { SinkStall } from '../sink.ts'
import { compression } from '../kafka/compression.ts'
import { Confirmations } from './stall.ts'
import { gatherRequests } from './choose-requests.ts'
import type { KafkaClient } from '../kafka/kafka-client.ts'
import type { KafkaLog } from '../kafka/kafka-log.ts'
import { GoingOn } from './progress.ts'
import { kafkaCode, mayPass, produceError, sinkError, tooLarge } from '../kafka/kafka-errors.ts'
import type { PartitionQueue } from './lane.ts'
import { produce, type PartitionAnswer } from '../kafka/produce.ts'
import { TopicReplaced, type TopicQueues } from '../kafka/partitions.ts'

export interface SenderOptions {
  readonly spec: KafkaSinkSpec
  readonly client: KafkaClient
  readonly queues: TopicQueues
  readonly log: KafkaLog
}

/** Requests under way to one broker, each with other partitions. */
const maxRequestsPerBroker = 4
const maxBackoffMs = 30_000
const acksCodes = { none: 0, one: 1, all: -1 } as const

type Acks = KafkaSinkSpec['acks']

interface BrokerState {
  requests: number
  /** A broker whose quota is used up says how long it wants nothing. */
  isMuted: boolean
}

export class BatchSender {
  readonly #options: SenderOptions
  readonly #compress
  readonly #brokers = new Map<number, BrokerState>()
  readonly #course = new GoingOn()
  readonly #confirmations = new Confirmations()
  #producer: { readonly id: bigint; readonly epoch: number } | undefined
  #timer: NodeJS.Timeout | undefined
  #refreshing: Promise<void> | undefined
  /** Batches leave before they are full. */
  isHurried = false

  constructor(options: SenderOptions) {
    this.#options = options
    this.#compress = compression(options.spec)
  }

  /** Asks for a producer id, where acks allow one. */
  async open(): Promise<void> {
    const { spec, client } = this.#options
    if (spec.acks === 'all') this.#producer = await client.newProducerId()
  }

  /** Aborts with what ended the sender. */
  get failed(): AbortSignal {
    return this.#course.signal
  }

  check(): void {
    this.#course.check()
  }

  fail(error: unknown): void {
    clearTimeout(this.#timer)
    this.#course.end(error)
  }

  stalled(nowMs: number): SinkStall | undefined {
    return this.#confirmations.stalled(this.#options.queues.backlog.isUnderWay, nowMs)
  }

  /** The next time that something was delivered; throws when the sender has failed. */
  progress(): Promise<void> {
    return this.#course.progress()
  }

  /** Sends what is ready to brokers that can take more. */
  pump(): void {
    if (this.#course.hasEnded) return
    const { queues, spec } = this.#options
    const { requests, isWaiting } = gatherRequests({
      waiting: queues.backlog.waiting,
      flush: spec.flush,
      isHurried: this.isHurried,
      canTake: (broker) => this.#canTake(broker),
    })
    for (const [leader, chosen] of requests) void this.#send(leader, chosen)
    const { frequencyMs } = spec.flush
    if (isWaiting && frequencyMs > 0) this.#timer ??= setTimeout(() => this.#timeIsUp(), frequencyMs)
  }

  #canTake(broker: number): boolean {
    const { requests, isMuted } = this.#broker(broker)
    return !isMuted && requests < maxRequestsPerBroker
  }

  #timeIsUp(): void {
    this.#timer = undefined
    this.#options.queues.backlog.closeAll()
    this.pump()
  }

  async #send(leader: number, queues: readonly PartitionQueue[]): Promise<void> {
    const { client } = this.#options
    const broker = this.#broker(leader)
    broker.requests += 1
    try {
      const header = { nowMs: Date.now(), compress: this.#compress }
      const all = queues.map((queue) => {
        if (!queue.hasFull) queue.close()
        return { topic: queue.topic, partition: queue.partition, records: queue.start(header, this.#producer) }
      })
      const acks = this.#acksFor(queues)
      const connection = await client.connection(leader)
      const { answers, throttleMs } = await produce(connection, acksCodes[acks], all)
      if (throttleMs > 0) void this.#mute(broker, throttleMs)
      this.#settle(queues, acks, answers)
    } catch (error) {
      void this.#tryAgain(queues, error)
    } finally {
      broker.requests -= 1
    }
    this.pump()
    this.#course.wake()
  }

  /** A broker that refuses what comes without acks closes the connection. Sent again with acks, it says why. */
  #acksFor(queues: readonly PartitionQueue[]): Acks {
    const { acks } = this.#options.spec
    return acks === 'none' && queues.some(({ failures }) => failures > 0) ? 'one' : acks
  }

  #settle(queues: readonly PartitionQueue[], acks: Acks, answers: readonly PartitionAnswer[]): void {
    const { spec } = this.#options
    const byPlace = new Map(answers.map((answer) => [`${answer.topic} ${answer.partition}`, answer]))
    const rest: PartitionQueue[] = []
    let trouble: FeedError | undefined
    for (const queue of queues) {
      const answer = byPlace.get(`${queue.topic} ${queue.partition}`)
      const code = acks === 'none' ? 0 : (answer?.code ?? kafkaCode.networkException)
      // A duplicate was written by an attempt whose answer got lost.
      if (code === 0 || code === kafkaCode.duplicateSequence) {
        queue.delivered()
        this.#confirmations.add()
      } else if (code === kafkaCode.messageTooLarge || code === kafkaCode.recordListTooLarge) {
        const { topic, underWayBytes: bytes, underWayTime: time } = queue
        if (!queue.split()) this.fail(tooLarge({ topic, bytes, time }, spec))
      } else {
        const error = produceError(queue, code, answer?.message, spec)
        if (!mayPass(code)) this.fail(error)
        trouble ??= error
        rest.push(queue)
      }
    }
    if (rest.length > 0) void this.#tryAgain(rest, trouble)
  }

  /** Waits, looks where the partitions are now, and lets them go on; or gives up. */
  async #tryAgain(queues: readonly PartitionQueue[], error: unknown): Promise<void> {
    const { spec, log } = this.#options
    let failures = 0
    for (const queue of queues) {
      queue.failed()
      failures = Math.max(failures, queue.failures)
    }
    if (this.#course.hasEnded) return
    const failure = sinkError('sending to Kafka failed', error)
    if (failures > spec.retry.max || !failure.retry) {
      this.fail(failure)
      return
    }
    this.#confirmations.failed(failure.message)
    const waitMs = backoffAfter(failures, { firstMs: spec.retry.backoffMs, mostMs: maxBackoffMs })
    log('warn', `${failure.message}; attempt ${failures + 1} in ${waitMs} ms`)
    try {
      await delay(waitMs, undefined, { signal: this.#course.signal })
      this.#refreshing ??= this.#refresh()
      await this.#refreshing
    } catch {
      // It has ended.
      return
    }
    for (const queue of queues) queue.waits()
    this.pump()
    this.#course.wake()
  }

  async #refresh(): Promise<void> {
    const { log, queues } = this.#options
    try {
      await this.#course.orEnd(queues.refresh())
    } catch (error) {
      if (error instanceof TopicReplaced) this.fail(error)
      this.check()
      log('warn', sinkError('no metadata', error).message)
    } finally {
      this.#refreshing = undefined
    }
  }

  async #mute(broker: BrokerState, ms: number): Promise<void> {
    broker.isMuted = true
    await delay(ms, undefined, { signal: this.#course.signal }).catch(() => undefined)
    broker.isMuted = false
    this.pump()
  }

  #broker(id: number): BrokerState {
    let state = this.#brokers.get(id)
    if (state === undefined) this.#brokers.set(id, (state = { requests: 0, isMuted: false }))
    return state
  }
}
