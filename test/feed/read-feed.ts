// What every TestFeed does with the messages that its reader gives it. Each message is shown to the validators as it
// comes, so that every end-to-end test runs them.

import { compareHlc, type Hlc } from '../../src/core/hlc.ts'
import { until } from '../support/until.ts'
import { CompositeValidator } from '../validators/composite.ts'
import { KeyInValueValidator } from '../validators/key-in-value.ts'
import { MvccTimestampValidator } from '../validators/mvcc-timestamp.ts'
import { OrderValidator } from '../validators/order.ts'
import type { Validator } from '../validators/validator.ts'
import { hlcOf, type FeedFailure, type FeedMessage, type TestFeed } from './test-feed.ts'

const withinMs = 30_000

export abstract class ReadFeed implements TestFeed {
  readonly messages: FeedMessage[] = []
  readonly rows: FeedMessage[] = []
  readonly resolved: Hlc[] = []
  readonly notices: string[] = []
  readonly #validator: Validator

  /** `statement`: its options say which validators can judge its messages. */
  protected constructor(statement: string) {
    const validators: Validator[] = [new OrderValidator({ strict: true })]
    if (!/\benvelope\b/.test(statement)) {
      if (/\bmvcc_timestamp\b/.test(statement)) validators.push(new MvccTimestampValidator())
      if (/\bkey_in_value\b/.test(statement)) validators.push(new KeyInValueValidator())
    }
    this.#validator = new CompositeValidator(validators)
  }

  abstract readonly error: FeedFailure | undefined
  abstract readonly ended: Promise<void>;
  abstract [Symbol.asyncDispose](): Promise<void>
  /** Called while messages are waited for; throws when no more will come. */
  protected abstract throwIfOver(): void | Promise<void>

  get texts(): readonly string[] {
    return this.rows.map(({ topic, key, value }) => `${topic}: ${key}->${value}`)
  }

  get failures(): readonly string[] {
    return this.#validator.failures()
  }

  row(count: number): Promise<readonly FeedMessage[]> {
    return this.#wait(`${count} rows`, () => (this.rows.length >= count ? this.rows : undefined))
  }

  resolvedPast(after: Hlc): Promise<Hlc> {
    return this.#wait('a later resolved message', () => this.resolved.find((ts) => compareHlc(ts, after) > 0))
  }

  protected take(message: FeedMessage): void {
    const { topic, partition, key, value } = message
    this.messages.push(message)
    if (topic === undefined) {
      const ts = hlcOf(value, 'resolved')
      this.resolved.push(ts)
      this.#validator.noteResolved(partition, ts)
      return
    }
    this.rows.push(message)
    if (/"updated":(?: |\{"string":)"/.test(value))
      this.#validator.noteRow({ partition, topic, key, value, updated: hlcOf(value, 'updated') })
  }

  protected throwFirstFailure(): void {
    const [failure] = this.failures
    if (failure !== undefined) throw new Error(failure)
  }

  async #wait<T>(what: string, ask: () => T | undefined): Promise<T> {
    return until(what, withinMs, async () => ask() ?? (await this.throwIfOver()) ?? ask()).catch((error: Error) => {
      if (!error.message.startsWith('not within')) throw error
      throw new Error(`${error.message} (there are ${this.messages.length} messages)`, { cause: error })
    })
  }
}
