// The counts of changefeeds by scope, which is their `metrics_label`, and by sink. A count outlives the changefeeds that it
// counts. The number of scopes is limited, because each one makes the page of metrics longer. A new scope replaces one that no
// changefeed uses any more; the counts of the replaced scope stay in the total.

import { feedMeter, type FeedCounter, type FeedMeter } from './feed-meter.ts'

export const defaultScope = 'default'
export const maxScopes = 1024

export class MetricScopes {
  /** In the order of their last use; the first one is the first to be replaced. */
  readonly #scopes = new Map<string, FeedMeter>([[defaultScope, feedMeter()]])
  readonly #sinks = new Map<string, FeedMeter>()
  readonly #inUse: () => Iterable<string | undefined>
  readonly total = feedMeter()

  /** `inUse` returns the scopes of the changefeeds that run now. */
  constructor(inUse: () => Iterable<string | undefined>) {
    this.#inUse = inUse
  }

  /** The counts by scope; the default scope is always among them. */
  get all(): ReadonlyMap<string, FeedMeter> {
    return this.#scopes
  }

  /** The counts by the tag of the sink. */
  get sinks(): ReadonlyMap<string, FeedMeter> {
    return this.#sinks
  }

  mayUse(scope: string): boolean {
    if (this.#scopes.has(scope) || this.#isRoom) return true
    return this.#idle() !== undefined
  }

  /** Shows the scope from now on. The limit is for new changefeeds: a changefeed that runs already always gets its scope. */
  use(scope: string | undefined): void {
    this.#countsOf(scope)
  }

  /** Keeps what a changefeed has counted that has ended. */
  add(scope: string | undefined, sink: string, meter: FeedMeter): void {
    let ofSink = this.#sinks.get(sink)
    if (ofSink === undefined) this.#sinks.set(sink, (ofSink = feedMeter()))
    for (const sum of [this.total, this.#countsOf(scope), ofSink]) sum.addEnded(meter)
  }

  count(scope: string | undefined, name: FeedCounter): void {
    this.total.count(name)
    this.#countsOf(scope).count(name)
  }

  get #isRoom(): boolean {
    return this.#scopes.size - 1 < maxScopes
  }

  #countsOf(scope = defaultScope): FeedMeter {
    const counts = this.#scopes.get(scope) ?? feedMeter()
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
