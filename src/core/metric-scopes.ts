// The counters of changefeeds by scope, which is their `metrics_label`. A counter outlives the changefeeds that it counts.
// The number of scopes is limited, because each one makes the page of metrics longer. A new scope replaces one that no
// changefeed uses any more; the counts of the replaced scope stay in the total.

export const defaultScope = 'default'
export const maxScopes = 1024

/** The counters of a running feed. */
export type FeedCounts = Record<keyof typeof noFeedCounts, number>
/** With what the jobs count. */
export type ScopeCounts = Record<keyof typeof noCounts, number>

export const noFeedCounts = {
  messages: 0,
  resolvedMessages: 0,
  bytes: 0,
  flushes: 0,
  registrations: 0,
  registryRetries: 0,
} as const
export const noCounts = { ...noFeedCounts, retries: 0, failures: 0 } as const
const names = Object.keys(noCounts) as readonly (keyof ScopeCounts)[]

export class MetricScopes {
  /** In the order of their last use; the first one is the first to be replaced. */
  readonly #scopes = new Map<string, ScopeCounts>([[defaultScope, { ...noCounts }]])
  readonly #inUse: () => Iterable<string | undefined>
  readonly total: ScopeCounts = { ...noCounts }

  /** `inUse` returns the scopes of the changefeeds that run now. */
  constructor(inUse: () => Iterable<string | undefined>) {
    this.#inUse = inUse
  }

  /** The counters by scope; the default scope is always among them. */
  get all(): ReadonlyMap<string, Readonly<ScopeCounts>> {
    return this.#scopes
  }

  mayUse(scope: string): boolean {
    if (this.#scopes.has(scope) || this.#isRoom) return true
    return this.#idle() !== undefined
  }

  /** Shows the scope from now on. The limit is for new changefeeds: a changefeed that runs already always gets its scope. */
  use(scope: string | undefined): void {
    this.#countsOf(scope)
  }

  add(scope: string | undefined, counts: Readonly<Partial<ScopeCounts>>): void {
    addCounts(this.total, counts)
    addCounts(this.#countsOf(scope), counts)
  }

  get #isRoom(): boolean {
    return this.#scopes.size - 1 < maxScopes
  }

  #countsOf(scope = defaultScope): ScopeCounts {
    const counts = this.#scopes.get(scope) ?? { ...noCounts }
    if (scope === defaultScope) return counts
    if (!this.#scopes.has(scope) && !this.#isRoom) {
      const idle = this.#idle()
      if (idle !== undefined) this.#scopes.delete(idle)
    }
    this.#scopes.delete(scope)
    this.#scopes.set(scope, counts)
    return counts
  }

  #idle(): string | undefined {
    const inUse = new Set(this.#inUse())
    for (const scope of this.#scopes.keys()) if (scope !== defaultScope && !inUse.has(scope)) return scope
    return undefined
  }
}

/** Adds the counts that are there; other members are ignored. */
export function addCounts(sum: ScopeCounts, counts: Readonly<Partial<ScopeCounts>>): void {
  for (const name of names) sum[name] += counts[name] ?? 0
}
