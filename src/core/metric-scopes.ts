// What metrics count by scope, which is the `metrics_label` of a changefeed: counters outlive the changefeeds that they
// count. There are so many scopes and no more, so that nobody who scrapes drowns; a scope that nobody uses any more makes
// room for a new one, and what it has counted stays in the total.

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
  /** The one that was used longest ago first. */
  readonly #scopes = new Map<string, ScopeCounts>([[defaultScope, noCounts()]])
  readonly #inUse: () => Iterable<string | undefined>
  readonly total = noCounts()

  /** `inUse`: the scopes of what runs now. */
  constructor(inUse: () => Iterable<string | undefined>) {
    this.#inUse = inUse
  }

  /** By scope; the default one is always there. */
  get all(): ReadonlyMap<string, Readonly<ScopeCounts>> {
    return this.#scopes
  }

  mayUse(scope: string): boolean {
    if (this.#scopes.has(scope) || this.#isRoom) return true
    return this.#idle() !== undefined
  }

  /** From now on it is shown. What runs already is always taken: only new changefeeds are refused. */
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
