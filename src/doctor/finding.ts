// What a check says. A check is a file in checks/: it gets facts that were read before, asks nothing itself, and returns one
// judgement for each thing that it looks at.

import type { Facts } from './facts/facts.ts'
import type { TableFacts } from './facts/read-tables.ts'

export type Verdict = 'ok' | 'warning' | 'failure'

/** A line of the report. `id` and the names of the members are what programs read: they stay. */
export interface Finding {
  readonly id: string
  /** What was looked at: `server`, or a table by its name. */
  readonly subject: string
  readonly verdict: Verdict
  /** What was found, with names and numbers. */
  readonly what: string
  /** The statements to run, or the setting to change. */
  readonly remedy?: string | undefined
}

export type Judgement = Pick<Finding, 'verdict' | 'what' | 'remedy'>

export interface ServerCheck {
  readonly id: string
  /** What it looks at, in a sentence for the reference. */
  readonly about: string
  /** Undefined: there is nothing to look at in this database. */
  readonly judge: (facts: Facts) => Judgement | undefined
}

export interface TableCheck {
  readonly id: string
  readonly about: string
  readonly judge: (table: TableFacts, facts: Facts) => Judgement | undefined
}

export function ok(what: string): Judgement {
  return { verdict: 'ok', what }
}

export function warning(what: string, remedy?: string): Judgement {
  return { verdict: 'warning', what, remedy }
}

export function failure(what: string, remedy?: string): Judgement {
  return { verdict: 'failure', what, remedy }
}

/** The worst of them. */
export function worst(findings: readonly Pick<Finding, 'verdict'>[]): Verdict {
  for (const verdict of ['failure', 'warning'] as const) {
    if (findings.some((finding) => finding.verdict === verdict)) return verdict
  }
  return 'ok'
}
