// The few words of a changelog that all threads share: how far it is durable, where it begins, and a word to wake
// those who wait at its end. Ingest writes them, feeds and the control plane read them; no message crosses a thread.

const words = 16
/** Behind the words: why nobody writes the log any more, as UTF-8. */
const failureBytes = 1024

/** Slots of the shared BigInt64Array. The wake word is the Int32 at the last slot. */
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
  wake: 15,
} as const

export class LogHead {
  readonly shared: SharedArrayBuffer
  readonly #words: BigInt64Array
  readonly #wake: Int32Array

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(words * 8 + failureBytes)) {
    this.shared = shared
    this.#words = new BigInt64Array(shared, 0, words)
    this.#wake = new Int32Array(shared, slot.wake * 8, 1)
  }

  /** Position behind the last readable block. */
  get head(): number {
    return Number(Atomics.load(this.#words, slot.head))
  }

  /** Position of the oldest block kept. */
  get tail(): number {
    return Number(Atomics.load(this.#words, slot.tail))
  }

  set tail(position: number) {
    Atomics.store(this.#words, slot.tail, BigInt(position))
  }

  /** Wall nanoseconds of the timestamp through which the log is complete. */
  get resolvedWall(): bigint {
    return Atomics.load(this.#words, slot.resolvedWall)
  }

  /** End LSN of what the log durably holds. */
  get endLsn(): bigint {
    return Atomics.load(this.#words, slot.endLsn)
  }

  /** The source's flush LSN as last seen; minus `endLsn` it is the lag of ingest in bytes of WAL. */
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

  /** Says that everything before `position` is durable, and wakes whoever waits for it. */
  publish(position: number, resolvedWall: bigint, endLsn: bigint): void {
    Atomics.store(this.#words, slot.resolvedWall, resolvedWall)
    Atomics.store(this.#words, slot.endLsn, endLsn)
    Atomics.store(this.#words, slot.head, BigInt(position))
    Atomics.add(this.#wake, 0, 1)
    Atomics.notify(this.#wake, 0)
  }

  /** Why nothing will be written any more, until somebody starts the writer again; undefined: it is at work. */
  get failure(): string | undefined {
    const length = Number(Atomics.load(this.#words, slot.failureLength))
    if (length === 0) return undefined
    return Buffer.from(new Uint8Array(this.shared, words * 8, length)).toString('utf8')
  }

  /** Wakes those who wait: what they wait for does not come. */
  fail(why: string | undefined): void {
    const text = Buffer.from(why ?? '').subarray(0, failureBytes)
    new Uint8Array(this.shared, words * 8, text.length).set(text)
    Atomics.store(this.#words, slot.failureLength, BigInt(text.length))
    Atomics.add(this.#wake, 0, 1)
    Atomics.notify(this.#wake, 0)
  }

  /** Settles when the log has failed, when the head is past `position` or the signal aborts. */
  async waitPast(position: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const aborted = Promise.withResolvers<void>()
    const onAbort = (): void => aborted.resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      for (;;) {
        // The word is read before the head: a publish in between changes it, and the wait then returns at once.
        const seen = Atomics.load(this.#wake, 0)
        if (this.head > position || signal.aborted || this.failure !== undefined) return
        const wait = Atomics.waitAsync(this.#wake, 0, seen, 60_000)
        if (wait.async) await Promise.race([wait.value, aborted.promise])
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}
