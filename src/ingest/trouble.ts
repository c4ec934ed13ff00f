// Why the log of a source does not grow, told to everybody who follows it, as soon as it is known. An attempt that connects
// again and then fails at the same change is the same trouble: it is over when the log has grown, or, unless a change is
// what it is about, when the stream has held for a while.

import type { WireError } from '../errors/feed-error.ts'
import type { IngestState } from './ingest.ts'

const lookMs = 100
/** A stream without changes that has held for so long is at work. */
const settledMs = 1000

export interface TroubleNow {
  readonly error: WireError
  /** Only a human can help. */
  readonly isPermanent: boolean
}

/** Undefined: it is over. */
export type TroubleListener = (trouble: TroubleNow | undefined) => void

export class Trouble {
  readonly #logEnd: () => bigint
  readonly #listeners = new Set<TroubleListener>()
  #now: TroubleNow | undefined
  /** Where the log ended when the trouble was last heard of. */
  #endThen = 0n
  #looking: NodeJS.Timeout | undefined
  /** The trouble is a change: PostgreSQL may take long to come to it once more. */
  #isAtChange = false
  /** Attempts that failed since the start. */
  failures = 0

  constructor(logEnd: () => bigint) {
    this.#logEnd = logEnd
  }

  get now(): TroubleNow | undefined {
    return this.#now
  }

  /** The listener hears at once of trouble that is there already. Gives what ends the listening. */
  listen(listener: TroubleListener): () => void {
    this.#listeners.add(listener)
    if (this.#now !== undefined) listener(this.#now)
    return () => this.#listeners.delete(listener)
  }

  hear(state: IngestState): void {
    clearInterval(this.#looking)
    if (state.tag === 'retrying' || state.tag === 'failed') {
      this.failures += 1
      this.#endThen = this.#logEnd()
      const isPermanent = state.tag === 'failed'
      const { error } = state
      this.#isAtChange = state.tag === 'retrying' && state.atChange === true
      const before = this.#now
      this.#now = { error, isPermanent }
      if (before?.isPermanent !== isPermanent || before.error.message !== error.message) this.#tell()
    } else if (state.tag !== 'connecting' && this.#now !== undefined) {
      const since = Date.now()
      this.#looking = setInterval(() => {
        const holds = state.tag === 'streaming' && !this.#isAtChange && Date.now() - since >= settledMs
        if (holds || this.#logEnd() > this.#endThen) this.#over()
      }, lookMs)
    }
  }

  close(): void {
    clearInterval(this.#looking)
    this.#listeners.clear()
  }

  #over(): void {
    clearInterval(this.#looking)
    this.#now = undefined
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.#now)
  }
}
