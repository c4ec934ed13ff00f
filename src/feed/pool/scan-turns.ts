// How many feeds may read tables after a schema change at the same time. A schema change concerns all feeds of its table in
// one moment. Each of them needs connections and, for a moment, a replication slot, and the application must not lack them.

/** PostgreSQL has connections for so many, for jobs and for feeds on connections. */
const atOnce = 12

export class ScanTurns {
  readonly #running = new Set<number>()
  /** In the order in which they have asked. */
  readonly #waiting = new Map<number, () => void>()

  /** Calls `granted` when it is the feed's turn. Returns whether that is now. */
  ask(feed: number, granted: () => void): boolean {
    if (this.#running.size >= atOnce) {
      this.#waiting.set(feed, granted)
      return false
    }
    this.#running.add(feed)
    granted()
    return true
  }

  /** Called when the feed has read its tables, does not get on with it, or is over. */
  end(feed: number): void {
    this.#waiting.delete(feed)
    if (!this.#running.delete(feed)) return
    const [next] = this.#waiting
    if (next === undefined) return
    this.#waiting.delete(next[0])
    this.ask(...next)
  }
}
