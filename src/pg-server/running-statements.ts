// The statements of ours that run now, in all sessions. SHOW QUERIES lists them and CANCEL QUERY ends one;
// pg_stat_activity lists the statements of PostgreSQL.

import type { LocalRun } from './local-run.ts'
import { canceled } from './query-session.ts'

export type RunningStatement = Pick<LocalRun, 'id' | 'sql' | 'startedAtMs' | 'session'>

export class RunningStatements {
  readonly #runs = new Map<string, LocalRun>()
  #lastEnded: (() => void) | undefined

  add(run: LocalRun): void {
    this.#runs.set(run.id, run)
  }

  remove({ id }: LocalRun): void {
    this.#runs.delete(id)
    if (this.#runs.size === 0) this.#lastEnded?.()
  }

  get all(): readonly RunningStatement[] {
    return [...this.#runs.values()]
  }

  /** Cancels a statement. Returns false if no statement with that id is running. */
  cancel(id: string): boolean {
    const run = this.#runs.get(id)
    run?.abort(canceled())
    return run !== undefined
  }

  /** Settles when no statement is running, or after `withinMs`. */
  async ended(withinMs: number): Promise<void> {
    if (this.#runs.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#lastEnded = resolve
    const giveUp = setTimeout(resolve, withinMs)
    await promise
    clearTimeout(giveUp)
  }
}
