// What waits for one partition: record batches in order, of which at most one is under way. A batch that fails goes back
// to the front, unchanged, so that nothing overtakes it and an idempotent producer's sequence stays whole.

import type { Backlog } from './backlog.ts'
import type { BatchPool } from './spare-bodies.ts'
import type { BatchHeader, RecordBatch } from '../kafka/record-batch.ts'

/** Sequences are 31 bits and start over at 0. */
const sequences = 0x80000000

export interface QueueLimits {
  /** Of a batch; a larger single message has one of its own. */
  readonly bytes: number
  readonly messages: number
}

interface WaitingBatch {
  readonly batch: RecordBatch
  /** Of an idempotent producer; given at the first attempt. */
  sequence: number | undefined
}

export interface QueueOptions {
  readonly topic: string
  readonly partition: number
  readonly leader: number
  readonly pool: BatchPool
  readonly backlog: Backlog<PartitionQueue>
  readonly limits: QueueLimits
}

export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  leader: number
  /** Attempts that failed since something was delivered. */
  failures = 0
  readonly #pool: BatchPool
  readonly #backlog: Backlog<PartitionQueue>
  readonly #limits: QueueLimits
  readonly #full: WaitingBatch[] = []
  #open: RecordBatch | undefined
  #underWay: WaitingBatch | undefined
  #nextSequence = 0
  /** In one of the backlog's lists. */
  #isListed = false

  constructor({ topic, partition, leader, pool, backlog, limits }: QueueOptions) {
    this.topic = topic
    this.partition = partition
    this.leader = leader
    this.#pool = pool
    this.#backlog = backlog
    this.#limits = limits
  }

  get hasFull(): boolean {
    return this.#full.length > 0
  }

  get openCount(): number {
    return this.#open?.count ?? 0
  }

  get openBytes(): number {
    return this.#open?.bytes ?? 0
  }

  /** Of the batch that goes next. */
  get nextBytes(): number {
    return this.#full[0]?.batch.bytes ?? this.openBytes
  }

  get nextCount(): number {
    return this.#full[0]?.batch.count ?? this.openCount
  }

  get underWayBytes(): number {
    return this.#underWay?.batch.bytes ?? 0
  }

  /** When the first row under way was committed, if it is large. */
  get underWayTime(): string | undefined {
    return this.#underWay?.batch.timeOf(0)
  }

  /** As `RecordBatch.add`. */
  add(bytes: Uint8Array, keyStart: number, keyEnd: number, valueEnd: number, time?: string): void {
    const size = Math.max(valueEnd, keyEnd) - Math.max(keyStart, 0)
    const { bytes: maxBytes, messages: maxMessages } = this.#limits
    let open = this.#open
    if (open !== undefined && (open.bytes + size > maxBytes || open.count >= maxMessages)) {
      this.close()
      open = undefined
    }
    open ??= this.#pool.take()
    this.#open = open
    // Its header counts when it holds something.
    const before = open.count === 0 ? 0 : open.bytes
    open.add(bytes, keyStart, keyEnd, valueEnd, time)
    this.#backlog.grow(open.bytes - before)
    if (this.#isListed) return
    this.#isListed = true
    this.#backlog.waits(this)
  }

  /** What is there goes out as it is. */
  close(): void {
    if (this.#open === undefined || this.#open.count === 0) return
    this.#full.push({ batch: this.#open, sequence: undefined })
    this.#open = undefined
  }

  /** The next batch goes under way. */
  start(header: Omit<BatchHeader, 'producer'>, producer: { id: bigint; epoch: number } | undefined): Buffer {
    const next = this.#full.shift() as WaitingBatch
    this.#underWay = next
    this.#backlog.starts(this)
    if (producer === undefined) return next.batch.seal({ ...header, producer: undefined })
    if (next.sequence === undefined) {
      next.sequence = this.#nextSequence
      this.#nextSequence = (this.#nextSequence + next.batch.count) % sequences
    }
    return next.batch.seal({ ...header, producer: { ...producer, sequence: next.sequence } })
  }

  delivered(): void {
    const batch = this.#underWay?.batch
    if (batch === undefined) return
    this.#underWay = undefined
    this.failures = 0
    this.#backlog.grow(-batch.bytes)
    this.#pool.give(batch)
    this.waits()
  }

  /** To be tried again, when `waits` is called. */
  failed(): void {
    if (this.#underWay === undefined) return
    this.#full.unshift(this.#underWay)
    this.#underWay = undefined
    this.failures += 1
  }

  /** The batch under way is too large for the broker: two of half the size take its place. False: it holds one record. */
  split(): boolean {
    const waiting = this.#underWay
    if (waiting === undefined || waiting.batch.count < 2) return false
    const [first, second] = waiting.batch.halves()
    const { sequence } = waiting
    this.#full.unshift(
      { batch: first, sequence },
      { batch: second, sequence: sequence === undefined ? undefined : (sequence + first.count) % sequences },
    )
    this.#underWay = undefined
    this.#backlog.grow(first.bytes + second.bytes - waiting.batch.bytes)
    this.waits()
    return true
  }

  /** Nothing is under way any more: what is left may go. */
  waits(): void {
    this.#isListed = this.#full.length > 0 || this.openCount > 0
    if (this.#isListed) this.#backlog.waits(this)
    else this.#backlog.rests(this)
  }
}
