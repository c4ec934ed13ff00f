// A portal of ours: a prepared statement with values for its parameters, of which the client takes all rows at once or a
// few at a time.
//
//                                   ┌── Execute asks for more rows ──┐
//                                   ▼                                │
//   bound ── the first Execute ──► running ──────────────────────────┘
//                                   │
//                                   └── the statement has ended ──► done      Execute answers with the command tag again

import type { LocalRun, RunResult } from './local-run.ts'
import { stepsOf } from '../errors/phase-table.ts'
import type { Prepared } from './prepared.ts'
import type { StartedCall } from './local-statement.ts'
import { canceled } from './turn.ts'

export type PortalPhase =
  | { readonly tag: 'bound' }
  | { readonly tag: 'running'; readonly run: LocalRun }
  | { readonly tag: 'done'; readonly result: RunResult & { readonly tag: 'done' } }

/** Makes the step to another phase; the table says which phases may follow a phase. */
export const followPortal = stepsOf<PortalPhase>({
  bound: ['running'],
  running: ['done'],
  done: [],
})

export interface PortalOptions extends Prepared {
  readonly parameters: readonly (string | null)[]
  readonly resultFormats: readonly number[]
}

export class Portal {
  readonly prepared: PortalOptions
  #phase: PortalPhase = { tag: 'bound' }
  /** Which rows the client wants: all that there are; a few at a time; or none any more, for its Close is waiting. */
  #wanted: 'all' | 'some' | 'none' = 'all'

  constructor(prepared: PortalOptions) {
    this.prepared = prepared
  }

  /** An Execute has come, and waits for its turn. `maxRows` 0: all. */
  executeComes(maxRows: number): void {
    this.#wanted = maxRows > 0 ? 'some' : 'all'
  }

  /** A Close has come while an Execute waits or runs: a client that takes a few rows at a time wants no more of them. */
  closeComes(): void {
    if (this.#wanted === 'all') return
    this.#wanted = 'none'
    if (this.#phase.tag === 'running') this.#phase.run.suspend()
  }

  /** Runs until the end or until `maxRows` rows are sent. Throws what the statement throws. */
  async execute(maxRows: number, start: (call: StartedCall) => LocalRun): Promise<RunResult> {
    if (this.#phase.tag === 'done') return this.#phase.result
    const run = this.#phase.tag === 'running' ? this.#phase.run : this.#begin(start)
    const advancing = run.advance(maxRows)
    if (this.#wanted === 'none') run.suspend()
    const result = await advancing
    if (result.tag === 'done') this.#phase = followPortal(this.#phase, { tag: 'done', result })
    return result
  }

  /** The portal is closed. A statement that waits for the client to ask for more rows stops. */
  close(): void {
    if (this.#phase.tag === 'running' && !this.#phase.run.isActive) this.#phase.run.abort(canceled())
  }

  #begin(start: (call: StartedCall) => LocalRun): LocalRun {
    const run = start(this.prepared)
    this.#phase = followPortal(this.#phase, { tag: 'running', run })
    return run
  }
}
