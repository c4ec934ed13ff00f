// The few words of a changelog that all threads share: how far it is durable, where it begins, words to wake the readers
// that wait at its end, and the marks of its tables. Ingest writes them, feeds and the control plane read them; no message
// crosses a thread. One word goes the other way: `closeNow` counts it up, which wakes ingest.

import { randomBytes } from 'node:crypto'
import { onAbort } from '../../async/or-abort.ts'
import type { Hlc } from '../../core/hlc.ts'
import { logMeter, logMeterBytes, type LogMeter } from '../../core/log-meter.ts'
import type { LogStatus, Position } from '../changelog.ts'
import { waitsOf } from './shared-wait.ts'
import { TableMarks, tableMarkBytes, type MarkedTables } from './table-marks.ts'

const words = 16
/** Room after the words for the reason why the log is not written any more, as UTF-8. After it come the meter and the marks. */
const failureBytes = 1024
const meterAt = words * 8 + failureBytes
const marksAt = meterAt + logMeterBytes
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
  resolvedLogical: 9,
  closesAsked: 10,
  id: 11,
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
  readonly #marks: TableMarks
  /** The end of the last block of which the writer has said by `wrote` what is in it. */
  #knownEnd = 0

  constructor(shared: SharedArrayBuffer = newMemory()) {
    this.shared = shared
    this.meter = logMeter(shared, meterAt)
    this.#marks = new TableMarks(shared, marksAt)
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
   * A block that ends at `end` was written, with records of these tables. `isNews`: it concerns the readers of all tables.
   * Called before the block is published.
   */
  wrote(end: number, relids: Iterable<number>, isNews: boolean): void {
    this.#marks.raise(relids, end)
    if (isNews) this.#marks.raiseNews(end)
    this.#knownEnd = end
  }

  /**
   * Publishes that everything before `position` is durable, and wakes the readers that wait for it. No block after
   * `changesEnd` holds anything but closed timestamps. The position comes first: who reads that the log has come to a time, or to a position of
   * the source, finds all of that before the head.
   */
  publish(position: number, resolved: Hlc, endLsn: bigint, changesEnd = position): void {
    // Nobody has said what is in the blocks before: of an earlier process, for example.
    if (position > this.#knownEnd) this.#marks.raiseNews(position)
    const hasChanges = changesEnd > this.head
    Atomics.store(this.#words, slot.head, BigInt(position))
    // The logical part comes first: an old time with a new logical part is below the new time, and so it is true.
    Atomics.store(this.#words, slot.resolvedLogical, BigInt(resolved.logical))
    Atomics.store(this.#words, slot.resolvedWall, resolved.wall)
    Atomics.store(this.#words, slot.endLsn, endLsn)
    wake(this.#wake)
    if (hasChanges) wake(this.#wakeChanges)
  }

  /**
   * Returns the head, and a timestamp through which the log is complete there, if no block between `position` and the head
   * concerns readers of these tables; undefined: one may, or the reader is at the head.
   */
  passOver(position: number, tables: MarkedTables): { readonly head: Position; readonly resolved: Hlc } | undefined {
    // In the opposite order of `publish`: the head has all that is at or below the time, and the marks are those of all
    // blocks before the head.
    const wall = this.resolvedWall
    const logical = Number(Atomics.load(this.#words, slot.resolvedLogical))
    const { head } = this
    if (head <= position || this.#marks.isPast(position, tables)) return undefined
    return { head, resolved: { wall, logical } }
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
   * Settles when the log has failed, when the head is past `position`, or when the signal aborts. With `quiet`, only blocks that
   * concern readers of these tables wake the reader before so much time has passed.
   */
  async waitPast(position: number, signal: AbortSignal, quiet?: QuietWait): Promise<void> {
    const waits = waitsOf(Atomics.load(this.#words, slot.id), { any: this.#wake, changes: this.#wakeChanges })
    const isPast = (): boolean => this.head > position || this.#hasFailed
    const concerned = (tables: MarkedTables): boolean =>
      (this.#marks.isPast(position, tables) && this.head > position) || this.#hasFailed
    if (quiet !== undefined && quiet.ms > 0) {
      const { ms, tables } = quiet
      await waits.changes.until(() => concerned(tables), signal, ms)
    }
    await waits.any.until(isPast, signal)
  }

  get #hasFailed(): boolean {
    return Atomics.load(this.#words, slot.failureLength) !== 0n
  }
}

export interface QuietWait {
  readonly ms: number
  readonly tables: MarkedTables
}

function newMemory(): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(marksAt + tableMarkBytes)
  new BigInt64Array(shared, 0, words)[slot.id] = randomBytes(8).readBigInt64LE()
  return shared
}

function wake(word: Int32Array): void {
  Atomics.add(word, 0, 1)
  Atomics.notify(word, 0)
}
