// A portal of ours: a prepared statement with values for its parameters. The client fetches all rows at once, or a few at a
// time.
//
//                                   ┌── Execute asks for more rows ──┐
//                                   ▼                                │
//   bound ── the first Execute ──► running ──────────────────────────┘
//                                   │
//                                   └── the statement has ended ──► done      Execute answers with the command tag again

import { stepsOf } from '../errors/phase-table.ts'
import type { LocalRun, RunResult } from './local-run.ts'
import type { StartedCall } from './local-statement.ts'
import { canceled } from './query-session.ts'

export type PortalPhase =
  | { readonly tag: 'bound' }
  | { readonly tag: 'running'; readonly run: LocalRun }
  | { readonly tag: 'done'; readonly result: RunResult & { readonly tag: 'done' } }

/** Returns the next phase, and throws unless the table allows the step to it. */
export const followPortal = stepsOf<PortalPhase>({
  bound: ['running'],
  running: ['done'],
  done: [],
})

export class Portal {
  readonly call: StartedCall
  #phase: PortalPhase = { tag: 'bound' }
  /** Which rows the client wants: all; a few at a time; or no more, because it has sent a Close that waits. */
  #wanted: 'all' | 'some' | 'none' = 'all'

  constructor(call: StartedCall) {
    this.call = call
  }

  /** Called when an Execute arrives, before it runs. `maxRows` 0 means all rows. */
  executeComes(maxRows: number): void {
    this.#wanted = maxRows > 0 ? 'some' : 'all'
  }

  /** Called when a Close arrives while an Execute waits or runs: a client that fetches a few rows at a time wants no more. */
  closeComes(): void {
    if (this.#wanted === 'all') return
    this.#wanted = 'none'
    if (this.#phase.tag === 'running') this.#phase.run.suspend()
  }

  /** Runs until the end or until `maxRows` rows were sent. Throws the statement's error. */
  async execute(maxRows: number, start: (call: StartedCall) => LocalRun): Promise<RunResult> {
    if (this.#phase.tag === 'done') return this.#phase.result
    const run = this.#phase.tag === 'running' ? this.#phase.run : this.#begin(start)
    const advancing = run.advance(maxRows)
    if (this.#wanted === 'none') run.suspend()
    const result = await advancing
    if (result.tag === 'done') this.#phase = followPortal(this.#phase, { tag: 'done', result })
    return result
  }

  /** Closes the portal, which stops a statement that waits until the client asks for more rows. */
  close(): void {
    if (this.#phase.tag === 'running' && !this.#phase.run.isActive) this.#phase.run.abort(canceled())
  }

  #begin(start: (call: StartedCall) => LocalRun): LocalRun {
    const run = start(this.call)
    this.#phase = followPortal(this.#phase, { tag: 'running', run })
    return run
  }
}
