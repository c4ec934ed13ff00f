// What the HTTP API answers, as the console and docs/reference/http.md read it. Plain JSON: times are milliseconds since 1970, and what
// is not known is null or absent.

import type { KeptMetric, SeriesAnswer } from '../../core/series.ts'

export interface ErrorAnswer {
  readonly error: string
  readonly hint?: string | undefined
  readonly detail?: string | undefined
  /** The SQLSTATE, if it is an error of a statement. */
  readonly sqlstate?: string | undefined
  /** 1-based, in the text of the statement. */
  readonly position?: number | undefined
}

export interface SessionAnswer {
  /** Undefined: nobody is logged in. */
  readonly user?: string | undefined
  /** Whether a role and a password are asked for. */
  readonly needsLogin: boolean
  /** The database for who names none. */
  readonly database: string
  readonly version: string
}

export interface SourceAnswer {
  readonly database: string
  /** What the reading of its changes is doing. */
  readonly state: string
  readonly isReading: boolean
  readonly problems: readonly Problem[]
  readonly changelog: {
    readonly bytes: number
    readonly rows: number
    readonly transactions: number
    /** Up to here the changelog is complete. */
    readonly resolvedMs: number
  }
  readonly slot: {
    readonly lagBytes: number
    /** Null where the slot has not been read yet, and where PostgreSQL has no limit. */
    readonly lagSeconds: number | null
    readonly walStatus: string | null
    readonly retainedBytes: number | null
    readonly safeBytes: number | null
    readonly secondsLeft: number | null
  }
}

export interface Problem {
  readonly database?: string | undefined
  readonly error: string
  readonly hint?: string | undefined
}

/** One line of "needs attention"; the worst come first. */
export interface AttentionAnswer {
  readonly severity: 'critical' | 'warning'
  readonly title: string
  readonly detail: string
  readonly hint?: string | undefined
  /** The job that it is about. */
  readonly job?: string | undefined
}

export interface JobAnswer {
  readonly id: string
  readonly description: string
  readonly user: string
  /** As SHOW JOBS says. */
  readonly status: string
  readonly runningStatus: string | null
  readonly phase: JobPhase
  readonly error: string
  /** Why it has ended or does not advance; null: nothing is wrong. */
  readonly problem: { readonly error: string; readonly hint?: string | undefined } | null
  readonly createdMs: number
  readonly startedMs: number
  readonly modifiedMs: number
  readonly finishedMs: number | null
  /** Of the initial scan or a backfill, from 0 to 1. */
  readonly fraction: number | null
  /** As SHOW JOBS and `cursor` write it. */
  readonly highWater: string | null
  /** From the time up to which it has emitted everything until now; null: there is none, or it is over. */
  readonly lagMs: number | null
  /** From the high-water timestamp until now: a new start would emit the changes of this time again. */
  readonly checkpointLagMs: number | null
  readonly live: LiveAnswer | null
}

export type JobPhase = 'initial-scan' | 'backfill' | 'following' | 'retrying' | 'waiting' | 'over' | 'paused'

/** What is measured while it runs in this server. */
export interface LiveAnswer {
  /** Since this run began. */
  readonly messages: number
  readonly bytes: number
  /** In the last half minute. */
  readonly messagesPerSecond: number
  readonly bytesPerSecond: number
  /** The scan that is running. */
  readonly scan: ScanAnswer | null
}

export interface ScanAnswer {
  /** Pieces of tables of 8 MiB. */
  readonly rangesLeft: number
  readonly rangesPerSecond: number
  /** Null: too little is known. */
  readonly secondsLeft: number | null
}

export interface JobsAnswer {
  readonly jobs: readonly JobAnswer[]
  /** How many there are with these filters. */
  readonly total: number
  /** How many there are of each status, whatever the filter. */
  readonly counts: Readonly<Record<string, number>>
  readonly nowMs: number
}

export interface JobDetailAnswer {
  readonly job: JobAnswer
  readonly database: string | null
  readonly tables: readonly string[]
  readonly format: string | null
  readonly scope: string | null
  /** Of the changelog, which are kept for it: whole files, from the beginning of the one with the oldest change that it needs. */
  readonly retainedBytes: number | null
  /** What may be asked of it in its present status. */
  readonly verbs: readonly string[]
  readonly nowMs: number
}

export interface ConnectionFeedAnswer {
  readonly statement: string
  readonly user: string
  readonly client: string
  readonly startedMs: number
}

export interface OverviewAnswer {
  readonly nowMs: number
  readonly attention: readonly AttentionAnswer[]
  readonly sources: readonly SourceAnswer[]
  /** The worst come first. */
  readonly feeds: readonly (JobAnswer & { readonly retainedBytes: number | null; readonly database: string | null })[]
  /** How many jobs that are not over there are in all. */
  readonly feedsTotal: number
  readonly counts: Readonly<Record<string, number>>
  /** Some of them, if there are many. */
  readonly connections: readonly ConnectionFeedAnswer[]
  readonly connectionsTotal: number
  readonly totals: {
    readonly messagesPerSecond: number
    readonly bytesPerSecond: number
    readonly worstLagMs: number | null
  }
}

export interface EventAnswer {
  readonly atMs: number
  readonly kind: string
  readonly text: string
  readonly job: string
}

export interface EventsAnswer {
  readonly events: readonly EventAnswer[]
}

export interface TableAnswer {
  readonly schema: string
  readonly name: string
  readonly maySelect: boolean
}

export interface TablesAnswer {
  readonly databases: readonly string[]
  readonly tables: readonly TableAnswer[]
}

export interface OptionAnswer {
  readonly name: string
  readonly kind: string
  readonly takesValue: 'no' | 'optional' | 'yes'
  readonly values: readonly string[]
  readonly isSecret: boolean
  readonly about: string
}

export interface SinkAnswer {
  readonly label: string
  readonly schemes: readonly string[]
  readonly example: string | null
  readonly options: 'all' | readonly string[]
  readonly withoutFormats: readonly string[]
}

export interface FormAnswer {
  readonly options: readonly OptionAnswer[]
  readonly sinks: readonly SinkAnswer[]
  readonly formats: readonly string[]
}

/** Whether an option fits to what else is chosen in the form. */
export interface FitAnswer {
  readonly name: string
  /** Why it cannot be given now, in the words of the statement's own checks; null: it can. */
  readonly reason: string | null
  /** Why single values cannot be given, by the value. */
  readonly values: Readonly<Record<string, string>>
}

export interface DraftAnswer {
  /** The statement, with an ellipsis for what is not chosen yet. */
  readonly statement: string
  /** The same as SHOW JOBS would show it. */
  readonly shown: string
  /** `shown` lacks something of the statement. */
  readonly hasSecrets: boolean
  readonly options: readonly FitAnswer[]
}

export interface CheckAnswer {
  readonly rows: readonly {
    readonly subject: string
    readonly check: string
    readonly status: string
    readonly detail: string
    readonly remedy: string | null
  }[]
}

export interface CreatedAnswer {
  readonly job: string
  readonly notices: readonly string[]
}

/** One line of a live tail. */
export type TailLine =
  | {
      readonly tag: 'message'
      readonly table: string
      readonly key: string
      readonly value: string | null
      /** Bytes of the value that are left out. */
      readonly cut?: number | undefined
    }
  | { readonly tag: 'resolved'; readonly at: string }
  | { readonly tag: 'notice'; readonly text: string; readonly hint?: string | undefined }
  | ({ readonly tag: 'end' } & Partial<ErrorAnswer>)

export interface MetricsAnswer {
  readonly metrics: readonly KeptMetric[]
  readonly pointEveryMs: number
}

export interface SeriesAnswers {
  /** In the order of the names. */
  readonly answers: readonly ({ readonly name: string } & SeriesAnswer)[]
}
