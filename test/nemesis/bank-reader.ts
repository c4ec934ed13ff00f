// Reads a table of balances from an attached server, over crashes, from the last resolved timestamp on. A named gap is an end: then,
// and when it is told to, it begins again with an initial scan, and with validators that know nothing.

import { setTimeout as delay } from 'node:timers/promises'
import { formatHlc, laterHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { hlcOf } from '../feed/test-feed.ts'
import type { TestServer } from '../server/test-server.ts'
import { BeforeAfterValidator } from '../validators/before-after.ts'
import { CompositeValidator } from '../validators/composite.ts'
import { OrderValidator } from '../validators/order.ts'
import { SnapshotValidator } from '../validators/snapshot.ts'

export class BankReader {
  readonly #server: TestServer
  readonly #sum: bigint
  readonly #stop = new AbortController()
  readonly #failures: string[] = []
  #validator: CompositeValidator
  #snapshot: SnapshotValidator
  #checked = 0
  #isLeaving = false
  resolved: Hlc = zeroHlc
  opened = 0
  /** How many feeds have ended with an error. */
  ended = 0
  /** Why each feed ended that did not end with its connection; the last one is said once. */
  readonly errors: string[] = []
  /** The named gaps. */
  readonly gaps: string[] = []
  /** The resolved timestamps since the last beginning, in milliseconds. */
  readonly resolveds: number[] = []
  /** The numbers of the transfers that came since then, each with the count of resolved timestamps before it. */
  readonly numbers = new Map<number, number>()
  /** Those that came before the last beginning. */
  readonly numbersBefore = new Set<number>()

  constructor(server: TestServer, sum: bigint) {
    this.#server = server
    this.#sum = sum
    this.#snapshot = this.#newSnapshot()
    this.#validator = this.#newValidator()
  }

  get checked(): number {
    return this.#checked + this.#snapshot.checked
  }

  get state(): ReadonlyMap<string, bigint> {
    return this.#snapshot.state
  }

  failures(): readonly string[] {
    return [...this.#failures, ...this.#validator.failures()]
  }

  stop(): void {
    this.#stop.abort()
  }

  /** Leaves the feed, and begins again with an initial scan. */
  leave(): void {
    this.#isLeaving = true
  }

  async read(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      // Without a resolved timestamp a feed begins with a scan, which shows nothing of what was before.
      if (this.#isLeaving || (this.resolved === zeroHlc && this.numbers.size > 0)) this.#beginAnew()
      const cursor = this.resolved.wall === 0n ? '' : `, cursor = '${formatHlc(this.resolved)}'`
      let feed
      try {
        feed = await SinklessFeed.open(
          this.#server,
          `EXPERIMENTAL CHANGEFEED FOR bank WITH updated, diff, resolved${cursor}`,
        )
      } catch {
        // The server or PostgreSQL is down, and is tried again.
        await delay(50)
        continue
      }
      this.opened += 1
      await this.#follow(feed)
    }
  }

  async #follow(feed: SinklessFeed): Promise<void> {
    let next = 0
    while (!this.#stop.signal.aborted && !this.#isLeaving) {
      for (; next < feed.messages.length; next++) {
        const { topic, key, value } = feed.messages[next] as (typeof feed.messages)[number]
        if (topic === undefined) {
          const ts = hlcOf(value, 'resolved')
          this.#validator.noteResolved('', ts)
          this.resolved = laterHlc(this.resolved, ts)
          this.resolveds.push(Number(ts.wall / 1_000_000n))
        } else {
          this.#validator.noteRow({ partition: '', topic, key, value, updated: hlcOf(value, 'updated') })
          const { after } = JSON.parse(value) as { after: { readonly n: number } | null }
          if (after !== null) if (!this.numbers.has(after.n)) this.numbers.set(after.n, this.resolveds.length)
        }
      }
      if (feed.isOver && next === feed.messages.length) break
      // It asks again for messages.
      await delay(5)
    }
    await feed[Symbol.asyncDispose]()
    const { error } = feed
    if (error === undefined || this.#isLeaving) return
    this.ended += 1
    if (this.errors.at(-1) !== error.message) this.errors.push(error.message)
    if (/changes .*missing|are missing|GC threshold/.test(error.message)) {
      this.gaps.push(error.message)
      this.#beginAnew()
    } else await delay(50)
  }

  #beginAnew(): void {
    this.#isLeaving = false
    for (const n of this.numbers.keys()) this.numbersBefore.add(n)
    this.numbers.clear()
    this.resolveds.length = 0
    this.#failures.push(...this.#validator.failures())
    this.#checked += this.#snapshot.checked
    this.resolved = zeroHlc
    this.#snapshot = this.#newSnapshot()
    this.#validator = this.#newValidator()
  }

  #newSnapshot(): SnapshotValidator {
    return new SnapshotValidator('bank', 'balance', this.#sum)
  }

  #newValidator(): CompositeValidator {
    return new CompositeValidator([new OrderValidator({ strict: true }), this.#snapshot, new BeforeAfterValidator()])
  }
}
