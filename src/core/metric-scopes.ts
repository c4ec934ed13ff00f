// The counters of changefeeds by scope, which is their `metrics_label`. A counter outlives the changefeeds that it counts.
// The number of scopes is limited, because each one makes the page of metrics longer. A new scope replaces one that no
// changefeed uses any more; the counts of the replaced scope stay in the total.

export const defaultScope = 'default'
export const maxScopes = 1024

export interface ScopeCounts {
  messages: number
  resolvedMessages: number
  bytes: number
  flushes: number
  retries: number
  failures: number
}

export class MetricScopes {
  /** In the order of their last use; the first one is the first to be replaced. */
  readonly #scopes = new Map<string, ScopeCounts>([[defaultScope, noCounts()]])
  readonly #inUse: () => Iterable<string | undefined>
  readonly total = noCounts()

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
    addTo(this.total, counts)
    addTo(this.#countsOf(scope), counts)
  }

  get #isRoom(): boolean {
    return this.#scopes.size - 1 < maxScopes
  }

  #countsOf(scope = defaultScope): ScopeCounts {
    const counts = this.#scopes.get(scope) ?? noCounts()
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

function noCounts(): ScopeCounts {
  return { messages: 0, resolvedMessages: 0, bytes: 0, flushes: 0, retries: 0, failures: 0 }
}

function addTo(
  sum: ScopeCounts,
  { messages = 0, resolvedMessages = 0, bytes = 0, flushes = 0, retries = 0, failures = 0 }: Partial<ScopeCounts>,
): void {
  sum.messages += messages
  sum.resolvedMessages += resolvedMessages
  sum.bytes += bytes
  sum.flushes += flushes
  sum.retries += retries
  sum.failures += failures
}
