// Whether SQL can be run, for probes: what is known to be wrong with PostgreSQL, and whether it answers at all. A PostgreSQL that hangs has
// its processes and its connections, so it is asked.

import { late, orLate } from '../async/or-late.ts'
import type { State } from '../core/state.ts'
import type { Backend } from '../postgres/backend.ts'

const answersWithinMs = 3000

export interface ReadinessOptions {
  readonly backend: Pick<Backend, 'problem'>
  readonly state: Pick<State, 'query'>
  readonly answersWithinMs?: number
}

export class Readiness {
  readonly #options: ReadinessOptions
  /** A question that is not answered stands for all that follow. */
  #asked: Promise<string | undefined> | undefined

  constructor(options: ReadinessOptions) {
    this.#options = options
  }

  /** Why SQL cannot be run; undefined: it can. */
  async problem(): Promise<string | undefined> {
    const { backend, answersWithinMs: withinMs = answersWithinMs } = this.#options
    if (backend.problem !== undefined) return backend.problem.message
    this.#asked ??= this.#ask()
    const answer = await orLate(this.#asked, withinMs)
    return answer === late ? `PostgreSQL has not answered within ${withinMs / 1000} s` : answer
  }

  async #ask(): Promise<string | undefined> {
    try {
      await this.#options.state.query('SELECT', [])
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    } finally {
      this.#asked = undefined
    }
  }
}
