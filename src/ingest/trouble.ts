// Reports why the log of a source does not grow, to everybody who follows it, as soon as the reason is known. If an attempt
// connects again and then fails at the same change, that is the same trouble. If it waits for something instead, that is the reason from then on.
// It is over when the log has grown, or, unless a change causes it, when a stream has lasted for a while.

import { codes } from '../errors/codes.ts'
import type { WireError } from '../errors/feed-error.ts'
import { hintOfWait } from '../postgres/explain-wait.ts'
import type { IngestState } from './ingest.ts'

const checkEveryMs = 100
/** A stream that has lasted for so long works, even if no change has come. */
const settledMs = 1000

export interface TroubleNow {
  readonly error: WireError
  /** Only a human can help. */
  readonly isPermanent: boolean
}

/** Called with undefined when the trouble is over. */
export type TroubleListener = (trouble: TroubleNow | undefined) => void

export class Trouble {
  readonly #logEnd: () => bigint
  readonly #listeners = new Set<TroubleListener>()
  #now: TroubleNow | undefined
  /** The end of the log when the trouble was last reported. */
  #endThen = 0n
  #checking: NodeJS.Timeout | undefined
  /** A change causes the trouble: PostgreSQL may take long to reach it once more. */
  #isAtChange = false
  /** Counts the attempts that have failed since the start. */
  failures = 0

  constructor(logEnd: () => bigint) {
    this.#logEnd = logEnd
  }

  get now(): TroubleNow | undefined {
    return this.#now
  }

  /** Calls the listener at once if there is trouble already. Returns what removes the listener. */
  listen(listener: TroubleListener): () => void {
    this.#listeners.add(listener)
    if (this.#now !== undefined) listener(this.#now)
    return () => this.#listeners.delete(listener)
  }

  hear(state: IngestState): void {
    clearInterval(this.#checking)
    if (state.tag === 'retrying' || state.tag === 'failed' || state.tag === 'held') {
      if (state.tag !== 'held') this.failures += 1
      this.#endThen = this.#logEnd()
      const isPermanent = state.tag === 'failed'
      const { error } = state
      this.#isAtChange = state.tag === 'retrying' && state.atChange === true
      const before = this.#now
      this.#now = { error, isPermanent }
      if (before?.isPermanent !== isPermanent || before.error.message !== error.message) this.#notify()
    } else if (state.tag !== 'connecting' && this.#now !== undefined) {
      const since = Date.now()
      this.#checking = setInterval(() => {
        const holds = state.tag === 'streaming' && !this.#isAtChange && Date.now() - since >= settledMs
        if (holds || this.#logEnd() > this.#endThen) this.#over()
      }, checkEveryMs)
    }
  }

  /** To be called with what an attempt waits for. A source that has not been ready yet has no trouble: who waits for it is told. */
  waits(why: string): void {
    if (this.#now === undefined || this.#now.isPermanent) return
    const before = this.#now.error.message
    this.#now = {
      error: {
        code: 'FEED_SOURCE_DOWN',
        message: why,
        sqlstate: codes.FEED_SOURCE_DOWN.sqlstate,
        hint: hintOfWait(why),
      },
      isPermanent: false,
    }
    if (withoutTime(before) !== withoutTime(why)) this.#notify()
  }

  close(): void {
    clearInterval(this.#checking)
    this.#listeners.clear()
  }

  #over(): void {
    clearInterval(this.#checking)
    this.#now = undefined
    this.#notify()
  }

  #notify(): void {
    for (const listener of this.#listeners) listener(this.#now)
  }
}

/** How long a transaction has lasted is no other reason. */
function withoutTime(why: string): string {
  return why.replaceAll(/ for \d+ s\b/g, '')
}
