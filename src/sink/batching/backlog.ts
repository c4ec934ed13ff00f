// What waits and what is under way, over all partitions of a sink: counted where it changes, so that nobody walks through
// a thousand partitions to know whether anything is left. The queues report their changes, and only the backlog counts.

interface Closable {
  close(): void
}

export class Backlog<Queue extends Closable> {
  #bytes = 0
  readonly #waiting = new Set<Queue>()
  readonly #busy = new Set<Queue>()

  /** Size of everything that waits or is under way. */
  get bytes(): number {
    return this.#bytes
  }

  /** The queues that hold something and have nothing under way. */
  get waiting(): Iterable<Queue> {
    return this.#waiting
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#busy.size === 0
  }

  /** Something is sent, or is about to be sent again. */
  get isUnderWay(): boolean {
    return this.#busy.size > 0
  }

  /** A queue holds `bytes` more than before, or less when they are negative. */
  grow(bytes: number): void {
    this.#bytes += bytes
  }

  /** The queue holds something and has nothing under way. */
  waits(queue: Queue): void {
    this.#busy.delete(queue)
    this.#waiting.add(queue)
  }

  /** The queue has a batch under way, or waits for another try of it. */
  starts(queue: Queue): void {
    this.#waiting.delete(queue)
    this.#busy.add(queue)
  }

  /** The queue had a batch under way and holds nothing any more. */
  rests(queue: Queue): void {
    this.#busy.delete(queue)
  }

  /** Closes the open batch of every queue, so that each leaves as it is, full or not. */
  closeAll(): void {
    for (const queue of this.#waiting) queue.close()
    for (const queue of this.#busy) queue.close()
  }
}
