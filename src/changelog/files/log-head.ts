// The few words of a changelog that all threads share: how far it is durable, where it begins, and a word to wake the
// readers that wait at its end. Ingest writes them, feeds and the control plane read them; no message crosses a thread. One
// word goes the other way: `closeNow` counts it up, which wakes ingest.

import { onAbort } from '../../async/or-abort.ts'
import { logMeter, logMeterBytes, type LogMeter } from '../../core/log-meter.ts'
import type { LogStatus, Position } from '../changelog.ts'

const words = 16
/** Room after the words for the reason why the log is not written any more, as UTF-8. After it comes the meter. */
const failureBytes = 1024
const longestWaitMs = 60_000

/** Slots of the shared BigInt64Array. The wake words are the Int32s at the last two. */
const slot = {
  head: 0,
  tail: 1,
  resolvedWall: 2,
  endLsn: 3,
  sourceLsn: 4,
  transactions: 5,
  rows: 6,
  bytes: 7,
  failureLength: 8,
  changesEnd: 9,
  closesAsked: 10,
  wakeChanges: 14,
  wake: 15,
} as const

export class LogHead implements LogStatus {
  readonly shared: SharedArrayBuffer
  readonly #words: BigInt64Array
  readonly #wake: Int32Array
  /** Wakes the readers that sleep until the log holds more than closed timestamps. */
  readonly #wakeChanges: Int32Array
  /** Counts how often a closed timestamp was asked for, and wakes the writer. */
  readonly #closesAsked: Int32Array
  /** What the writer counts. */
  readonly meter: LogMeter

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(words * 8 + failureBytes + logMeterBytes)) {
    this.shared = shared
    this.meter = logMeter(shared, words * 8 + failureBytes)
    this.#words = new BigInt64Array(shared, 0, words)
    this.#wake = new Int32Array(shared, slot.wake * 8, 1)
    this.#wakeChanges = new Int32Array(shared, slot.wakeChanges * 8, 1)
    this.#closesAsked = new Int32Array(shared, slot.closesAsked * 8, 1)
  }

  get head(): Position {
    return this.#position(slot.head)
  }

  get tail(): Position {
    return this.#position(slot.tail)
  }

  set tail(position: number) {
    Atomics.store(this.#words, slot.tail, BigInt(position))
  }

  get resolvedWall(): bigint {
    return Atomics.load(this.#words, slot.resolvedWall)
  }

  get endLsn(): bigint {
    return Atomics.load(this.#words, slot.endLsn)
  }

  get sourceLsn(): bigint {
    return Atomics.load(this.#words, slot.sourceLsn)
  }

  set sourceLsn(lsn: bigint) {
    Atomics.store(this.#words, slot.sourceLsn, lsn)
  }

  get transactions(): bigint {
    return Atomics.load(this.#words, slot.transactions)
  }

  get rows(): bigint {
    return Atomics.load(this.#words, slot.rows)
  }

  get bytes(): bigint {
    return Atomics.load(this.#words, slot.bytes)
  }

  count(transactions: number, rows: number, bytes: number): void {
    Atomics.add(this.#words, slot.transactions, BigInt(transactions))
    Atomics.add(this.#words, slot.rows, BigInt(rows))
    Atomics.add(this.#words, slot.bytes, BigInt(bytes))
  }

  /**
   * Publishes that everything before `position` is durable, and wakes the readers that wait for it. No block after
   * `changesEnd` holds anything but closed timestamps. The position comes first: who reads that the log has come to a time, or to a position of
   * the source, finds all of that before the head.
   */
  publish(position: number, resolvedWall: bigint, endLsn: bigint, changesEnd = position): void {
    const hasChanges = changesEnd > this.#changesEnd
    Atomics.store(this.#words, slot.changesEnd, BigInt(changesEnd))
    Atomics.store(this.#words, slot.head, BigInt(position))
    Atomics.store(this.#words, slot.resolvedWall, resolvedWall)
    Atomics.store(this.#words, slot.endLsn, endLsn)
    wake(this.#wake)
    if (hasChanges) wake(this.#wakeChanges)
  }

  get #changesEnd(): Position {
    return this.#position(slot.changesEnd)
  }

  #position(at: number): Position {
    return Number(Atomics.load(this.#words, at)) as Position
  }

  /** `Changelog.closeNow`. */
  closeNow(): void {
    wake(this.#closesAsked)
  }

  get closesAsked(): number {
    return Atomics.load(this.#closesAsked, 0)
  }

  /** `ChangelogKeeper.closeAsked`. */
  async closeAsked(seen: number, signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>()
    using _leaving = onAbort(signal, aborted.resolve)
    while (!signal.aborted && this.closesAsked === seen) {
      const wait = Atomics.waitAsync(this.#closesAsked, 0, seen, longestWaitMs)
      if (wait.async) await Promise.race([wait.value, aborted.promise])
    }
  }

  /** Why the log is not written until its writer is started again; undefined: the writer runs. */
  get failure(): string | undefined {
    const length = Number(Atomics.load(this.#words, slot.failureLength))
    if (length === 0) return undefined
    return Buffer.from(new Uint8Array(this.shared, words * 8, length)).toString('utf8')
  }

  /** Sets `failure`, and wakes the readers, because what they wait for does not come. */
  fail(why: string | undefined): void {
    const text = Buffer.from(why ?? '').subarray(0, failureBytes)
    new Uint8Array(this.shared, words * 8, text.length).set(text)
    Atomics.store(this.#words, slot.failureLength, BigInt(text.length))
    wake(this.#wake)
    wake(this.#wakeChanges)
  }

  /**
   * Settles when the log has failed, when the head is past `position`, or when the signal aborts. With `quietMs`, blocks
   * that hold only closed timestamps do not wake the reader before so much time has passed.
   */
  async waitPast(position: number, signal: AbortSignal, quietMs = 0): Promise<void> {
    if (signal.aborted) return
    const word = quietMs === 0 ? this.#wake : this.#wakeChanges
    const quietUntil = performance.now() + quietMs
    const aborted = Promise.withResolvers<void>()
    using _leaving = onAbort(signal, aborted.resolve)
    for (;;) {
      // The word is read before the head: a publish in between changes it, and the wait then returns at once.
      const seen = Atomics.load(word, 0)
      if (signal.aborted || this.failure !== undefined) return
      const quietLeftMs = quietUntil - performance.now()
      if (this.head > position && (quietLeftMs <= 0 || this.#changesEnd > position)) return
      const withinMs = quietMs === 0 ? longestWaitMs : quietLeftMs > 0 ? quietLeftMs : quietMs
      const wait = Atomics.waitAsync(word, 0, seen, withinMs)
      if (wait.async) await Promise.race([wait.value, aborted.promise])
    }
  }
}

function wake(word: Int32Array): void {
  Atomics.add(word, 0, 1)
  Atomics.notify(word, 0)
}
