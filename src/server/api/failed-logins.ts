// Limits how often somebody may try passwords: after a few wrong ones, an address and a role each wait longer and longer. PostgreSQL is not
// asked in between.

const freeTries = 5
const firstWaitMs = 2000
const mostWaitMs = 5 * 60_000
/** A role waits for less, because everybody who guesses makes its owner wait, too. */
const mostWaitOfRoleMs = 30_000
/** Without a try for so long, all is forgotten. */
const forgottenAfterMs = 15 * 60_000
/** The oldest gives way to another one. */
const mostKept = 10_000

interface Failures {
  count: number
  lastMs: number
}

export class FailedLogins {
  /** By `address ADDRESS` and by `role ROLE`, the one that failed last at the end. */
  readonly #failures = new Map<string, Failures>()
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** Returns how long they have to wait before the next try; 0: not at all. */
  waitMs(address: string, role: string): number {
    return Math.max(...keysOf(address, role).map((key) => this.#waitOf(key)))
  }

  failed(address: string, role: string): void {
    for (const key of keysOf(address, role)) {
      const before = this.#get(key)
      this.#failures.delete(key)
      this.#failures.set(key, { count: (before?.count ?? 0) + 1, lastMs: this.#now() })
      const [oldest] = this.#failures.keys()
      if (this.#failures.size > mostKept && oldest !== undefined) this.#failures.delete(oldest)
    }
  }

  /** The last try has had no answer, so it was no wrong one. Those before it count as they did. */
  takeBack(address: string, role: string): void {
    for (const key of keysOf(address, role)) {
      const found = this.#get(key)
      if (found === undefined) continue
      if (found.count > 1) found.count -= 1
      else this.#failures.delete(key)
    }
  }

  succeeded(address: string, role: string): void {
    for (const key of keysOf(address, role)) this.#failures.delete(key)
  }

  #waitOf(key: string): number {
    const found = this.#get(key)
    if (found === undefined || found.count < freeTries) return 0
    const most = key.startsWith('role ') ? mostWaitOfRoleMs : mostWaitMs
    const wait = Math.min(most, firstWaitMs * 2 ** (found.count - freeTries))
    return Math.max(0, found.lastMs + wait - this.#now())
  }

  #get(key: string): Failures | undefined {
    const found = this.#failures.get(key)
    if (found === undefined || this.#now() - found.lastMs < forgottenAfterMs) return found
    this.#failures.delete(key)
    return undefined
  }
}

function keysOf(address: string, role: string): readonly string[] {
  return [`address ${address}`, `role ${role}`]
}
