// How many feeds may have connections for the scans of their tables at the same time. A schema change concerns all feeds of its
// table in one moment, and many feeds may be created at once. Each scan needs connections and, for a moment, a replication slot,
// and the application must not lack them. So who has connections has a turn, and who has no turn has no connections. A feed
// that does not get on is asked for its turn when another one waits.

/** PostgreSQL has connections for so many, for each kind of scan. */
const mostScans = 12

export class ScanTurns {
  readonly #atOnce: number
  readonly #running = new Set<number>()
  /** Feeds that were asked for their turns, and have them still. */
  readonly #asked = new Set<number>()
  /** In the order in which they have asked. */
  readonly #waiting = new Map<number, () => void>()

  constructor(atOnce = mostScans) {
    this.#atOnce = atOnce
  }

  /** Calls `granted` when it is the feed's turn. Returns whether that is now. */
  ask(feed: number, granted: () => void): boolean {
    if (this.#running.size >= this.#atOnce) {
      this.#waiting.set(feed, granted)
      return false
    }
    this.#running.add(feed)
    granted()
    return true
  }

  /** Called when the feed does not get on. Asks it once for its turn if another one waits; returns whether it was asked now. */
  askBack(feed: number): boolean {
    if (!this.#running.has(feed) || this.#asked.has(feed) || this.#asked.size >= this.#waiting.size) return false
    this.#asked.add(feed)
    return true
  }

  /** Called when the connections of the feed are closed, or when it waits no longer. */
  end(feed: number): void {
    this.#asked.delete(feed)
    this.#waiting.delete(feed)
    if (!this.#running.delete(feed)) return
    const [next] = this.#waiting
    if (next === undefined) return
    this.#waiting.delete(next[0])
    this.ask(...next)
  }
}
