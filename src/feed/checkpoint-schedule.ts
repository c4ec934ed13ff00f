// Decides when the progress of a job is due to be saved. Saving costs a flush of the sink, so it is not done at every
// advance of the frontier.

import { compareHlc, type Hlc } from '../core/hlc.ts'

export class CheckpointSchedule {
  readonly #everyMs: number
  #last: Hlc | undefined
  #lastAtMs: number

  constructor(everyMs: number, nowMs: number) {
    this.#everyMs = everyMs
    this.#lastAtMs = nowMs
  }

  isDue(frontier: Hlc, nowMs: number): boolean {
    return this.isNew(frontier) && nowMs - this.#lastAtMs >= this.#everyMs
  }

  /** Whether the frontier is beyond what was saved last. */
  isNew(frontier: Hlc): boolean {
    return this.#last === undefined || compareHlc(frontier, this.#last) > 0
  }

  saved(at: Hlc, nowMs: number): void {
    this.#last = at
    this.#lastAtMs = nowMs
  }
}
