// What a reader of one changefeed has received, for every TestFeed. Each message is shown to the validators as it comes,
// so that every end-to-end test runs them.

import { compareHlc, type Hlc } from '../../src/core/hlc.ts'
import { until } from '../support/until.ts'
import { CompositeValidator } from '../validators/composite.ts'
import { KeyInValueValidator } from '../validators/key-in-value.ts'
import { MvccTimestampValidator } from '../validators/mvcc-timestamp.ts'
import { OrderValidator } from '../validators/order.ts'
import type { Validator } from '../validators/validator.ts'
import { hlcOf, type FeedMessage } from './test-feed.ts'

const withinMs = 30_000

export class Received {
  readonly messages: FeedMessage[] = []
  readonly rows: FeedMessage[] = []
  readonly resolved: Hlc[] = []
  readonly #validator: Validator

  /** `statement`: its options say which validators can judge its messages. */
  constructor(statement: string) {
    const validators: Validator[] = [new OrderValidator({ strict: true })]
    if (!/\benvelope\b/.test(statement)) {
      if (/\bmvcc_timestamp\b/.test(statement)) validators.push(new MvccTimestampValidator())
      if (/\bkey_in_value\b/.test(statement)) validators.push(new KeyInValueValidator())
    }
    this.#validator = new CompositeValidator(validators)
  }

  get texts(): readonly string[] {
    return this.rows.map(({ topic, key, value }) => `${topic}: ${key}->${value}`)
  }

  get failures(): readonly string[] {
    return this.#validator.failures()
  }

  take(message: FeedMessage): void {
    const { topic, partition, key, value } = message
    this.messages.push(message)
    if (topic === undefined) {
      const ts = hlcOf(value, 'resolved')
      this.resolved.push(ts)
      this.#validator.noteResolved(partition, ts)
      return
    }
    this.rows.push(message)
    if (value.includes('"updated": "'))
      this.#validator.noteRow({ partition, topic, key, value, updated: hlcOf(value, 'updated') })
  }

  /** `isOver` is asked while there are too few; it throws when no more will come. */
  async row(count: number, isOver: () => void | Promise<void>): Promise<readonly FeedMessage[]> {
    return this.#wait(`${count} rows`, () => (this.rows.length >= count ? this.rows : undefined), isOver)
  }

  async resolvedPast(after: Hlc, isOver: () => void | Promise<void>): Promise<Hlc> {
    return this.#wait('a later resolved message', () => this.resolved.find((ts) => compareHlc(ts, after) > 0), isOver)
  }

  throwFirstFailure(): void {
    const [failure] = this.failures
    if (failure !== undefined) throw new Error(failure)
  }

  async #wait<T>(what: string, ask: () => T | undefined, isOver: () => void | Promise<void>): Promise<T> {
    return until(what, withinMs, async () => ask() ?? (await isOver()) ?? ask()).catch((error: Error) => {
      throw new Error(`${error.message} (there are ${this.messages.length} messages)`, { cause: error })
    })
  }
}
