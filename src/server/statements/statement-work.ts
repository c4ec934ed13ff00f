// How many statements about changefeeds work at the same time. Each opens connections to PostgreSQL besides that of its session, and takes memory in
// both; hundreds of sessions would take all of it. The others wait in line, and a line that is too long is an error rather than more memory.

import { Slots } from '../../async/slots.ts'
import { FeedError } from '../../errors/feed-error.ts'

export interface StatementWorkOptions {
  readonly mostChecks: number
  readonly mostBeginnings: number
  readonly mostWaiting: number
}

/** A check reads much and waits for little. What begins may wait for the locks of other sessions, so more of it is let in. */
const usual: StatementWorkOptions = { mostChecks: 8, mostBeginnings: 50, mostWaiting: 200 }

export class StatementWork {
  readonly #checks: Slots
  readonly #beginnings: Slots

  constructor({ mostChecks, mostBeginnings, mostWaiting }: StatementWorkOptions = usual) {
    const refusal = (): FeedError =>
      new FeedError('FEED_STATE', `${mostWaiting} statements about changefeeds wait for others already`, {
        sqlstate: '53300',
        hint: 'run fewer of them at a time, and try again',
      })
    this.#checks = new Slots({ most: mostChecks, mostWaiting, refusal })
    this.#beginnings = new Slots({ most: mostBeginnings, mostWaiting, refusal })
  }

  /** EXPLAIN CHANGEFEED. */
  check<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#checks.run(work, signal)
  }

  /** CREATE CHANGEFEED until it runs: what it reads, and its waits for the far end, the tables and the log. */
  begin<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#beginnings.run(work, signal)
  }
}
