// What waits for one partition: record batches in order, of which at most one is under way. A batch that fails goes back
// to the front, unchanged, so that nothing overtakes it and an idempotent producer's sequence stays whole.

import { RecordBatch, type BatchHeader } from './record-batch.ts'

/** Below the brokers' usual limit of 1 MiB with room for the header; a larger single message has a batch of its own. */
export const maxBatchBytes = 900 * 1024

/** Spare batches kept for reuse, over all partitions. */
const maxSpares = 16

export interface WaitingBatch {
  readonly batch: RecordBatch
  /** Of an idempotent producer; given at the first attempt. */
  sequence: number | undefined
}

export class BatchPool {
  readonly #spares: RecordBatch[] = []
  readonly #headers: Uint8Array

  /** `headers`: as `RecordBatch` takes them. */
  constructor(headers: Uint8Array) {
    this.#headers = headers
  }

  take(): RecordBatch {
    return this.#spares.pop() ?? new RecordBatch(undefined, this.#headers)
  }

  give(batch: RecordBatch): void {
    batch.clear()
    if (this.#spares.length < maxSpares) this.#spares.push(batch)
  }
}

export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  leader: number
  readonly #pool: BatchPool
  readonly #full: WaitingBatch[] = []
  #open: RecordBatch | undefined
  #underWay: WaitingBatch | undefined
  #nextSequence = 0

  constructor(topic: string, partition: number, leader: number, pool: BatchPool) {
    this.topic = topic
    this.partition = partition
    this.leader = leader
    this.#pool = pool
  }

  get isUnderWay(): boolean {
    return this.#underWay !== undefined
  }

  get isEmpty(): boolean {
    return this.#underWay === undefined && this.#full.length === 0 && this.openCount === 0
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

  get bytes(): number {
    let sum = this.openBytes + (this.#underWay?.batch.bytes ?? 0)
    for (const { batch } of this.#full) sum += batch.bytes
    return sum
  }

  /** As `RecordBatch.add`. */
  add(bytes: Uint8Array, keyStart: number, keyEnd: number, valueEnd: number): void {
    const size = Math.max(valueEnd, keyEnd) - Math.max(keyStart, 0)
    if (this.#open !== undefined && this.#open.count > 0 && this.#open.bytes + size > maxBatchBytes) this.close()
    this.#open ??= this.#pool.take()
    this.#open.add(bytes, keyStart, keyEnd, valueEnd)
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
    if (producer === undefined) return next.batch.seal({ ...header, producer: undefined })
    if (next.sequence === undefined) {
      next.sequence = this.#nextSequence
      // Sequences are 31 bits and start over at 0.
      this.#nextSequence = (this.#nextSequence + next.batch.count) % 0x80000000
    }
    return next.batch.seal({ ...header, producer: { ...producer, sequence: next.sequence } })
  }

  delivered(): number {
    const batch = this.#underWay?.batch
    this.#underWay = undefined
    const count = batch?.count ?? 0
    if (batch !== undefined) this.#pool.give(batch)
    return count
  }

  /** To be tried again. */
  failed(): void {
    if (this.#underWay !== undefined) this.#full.unshift(this.#underWay)
    this.#underWay = undefined
  }

  /** The batch under way is too large for the broker: two of half the size take its place. False: it holds one record. */
  split(): boolean {
    const waiting = this.#underWay
    if (waiting === undefined || waiting.batch.count < 2) return false
    const [first, second] = waiting.batch.halves()
    const { sequence } = waiting
    this.#full.unshift(
      { batch: first, sequence },
      { batch: second, sequence: sequence === undefined ? undefined : (sequence + first.count) % 0x80000000 },
    )
    this.#underWay = undefined
    return true
  }

  /** Bytes of the batch under way. */
  get underWayBytes(): number {
    return this.#underWay?.batch.bytes ?? 0
  }
}
