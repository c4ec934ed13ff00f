// Which events change the status of a job. Users make requests (`pause`, `resume`, `cancel`); the server that runs the job
// reports how the run ended (`paused`, `canceled`, `succeeded`, `failed`). The table below is the only place with these rules;
// conditions in SQL are derived from it.
//
//                      succeeded, failed, paused (by an error)
//                ┌────────────────────────────────────────────────► succeeded │ failed │ paused
//   CREATE ─► running ── pause ──► pause-requested ── paused ──► paused
//                │ ▲                  │                            │ │
//                │ └───── resume ─────┼────────────────────────────┘ │
//                └─ cancel ─► cancel-requested ◄────── cancel ───────┘
//                                     └── canceled ──► canceled
//
// A run may also end by itself after a request was written and before it learns of the request. The statement has been answered,
// so the request wins: the server claims the job once more and ends it as requested. A failure that this hides happens again
// after RESUME. A job with pause-requested may still be paused by an error.

import type { JobEnd, JobStatus, JobVerb } from './jobs.ts'

export type JobEvent = JobVerb | JobEnd

/** Completes the sentence "job 1 with status running …". */
export interface Refusal {
  readonly refused: string
}

const noPause: Refusal = { refused: 'cannot be requested to be paused' }
const noResume: Refusal = { refused: 'cannot be resumed' }
const noCancel: Refusal = { refused: 'cannot be requested to be canceled' }
const notAsked: Refusal = { refused: 'was not requested to be canceled' }
const toBeCanceled: Refusal = { refused: 'is to be canceled' }
const toBePaused: Refusal = { refused: 'is to be paused' }
const notRun: Refusal = { refused: 'is not run by any server' }
/** No server runs the job, so no run of it can end. */
const noEnd = { paused: notRun, canceled: notRun, succeeded: notRun, failed: notRun } as const
const isOver = { pause: noPause, resume: noResume, cancel: noCancel, ...noEnd } as const

/** The next status of a job, or why the event is refused. If the next status is the present one, there is nothing to do. */
export const transitions: Readonly<Record<JobStatus, Readonly<Record<JobEvent, JobStatus | Refusal>>>> = {
  running: {
    pause: 'pause-requested',
    resume: 'running',
    cancel: 'cancel-requested',
    paused: 'paused',
    canceled: notAsked,
    succeeded: 'succeeded',
    failed: 'failed',
  },
  'pause-requested': {
    pause: 'pause-requested',
    resume: noResume,
    cancel: 'cancel-requested',
    paused: 'paused',
    canceled: notAsked,
    succeeded: toBePaused,
    failed: toBePaused,
  },
  'cancel-requested': {
    pause: noPause,
    resume: noResume,
    cancel: 'cancel-requested',
    paused: toBeCanceled,
    canceled: 'canceled',
    succeeded: toBeCanceled,
    failed: toBeCanceled,
  },
  paused: { pause: 'paused', resume: 'running', cancel: 'cancel-requested', ...noEnd },
  canceled: { ...isOver, cancel: 'canceled' },
  succeeded: isOver,
  failed: isOver,
}

/** Why a user stops a run. */
export type StopRequest = 'pause' | 'cancel'

/** How a run ends after a request to stop it. */
export const endOf: Readonly<Record<StopRequest, JobEnd>> = { pause: 'paused', cancel: 'canceled' }

const requested: Partial<Record<JobStatus, StopRequest>> = { 'pause-requested': 'pause', 'cancel-requested': 'cancel' }

/** Returns why the run of a job has to stop; undefined if it need not. */
export function stopReason(status: JobStatus): StopRequest | undefined {
  return requested[status]
}

export const statuses = Object.keys(transitions) as readonly JobStatus[]
const events = Object.keys(transitions.running) as readonly JobEvent[]
const ends = Object.keys(noEnd) as readonly JobEnd[]

/** Returns the next status of a job; undefined if the event is refused. */
export function nextStatus(status: JobStatus, event: JobEvent): JobStatus | undefined {
  const next = transitions[status][event]
  return typeof next === 'string' ? next : undefined
}

/** Returns the statuses that the event changes. */
export function changedBy(event: JobEvent): readonly JobStatus[] {
  return statuses.filter((status) => (nextStatus(status, event) ?? status) !== status)
}

/** Returns the statuses in which the event is not refused. */
export function acceptedIn(event: JobEvent): readonly JobStatus[] {
  return statuses.filter((status) => nextStatus(status, event) !== undefined)
}

/** The statuses of jobs that a server runs, or has to claim. */
export const liveStatuses = statuses.filter((status) => ends.some((end) => nextStatus(status, end) !== undefined))

/** The statuses that a job never leaves. */
export const finalStatuses = statuses.filter((status) =>
  events.every((event) => (nextStatus(status, event) ?? status) === status),
)

/** Returns statuses as a list for IN. */
export function inSql(of: readonly JobStatus[]): string {
  return `(${of.map((status) => `'${status}'`).join(', ')})`
}

/** Returns the next status as an expression in SQL over the statuses that the event changes. */
export function nextStatusSql(event: JobEvent, column: string): string {
  const cases = changedBy(event).map((status) => `WHEN '${status}' THEN '${nextStatus(status, event)}'`)
  return `CASE ${column} ${cases.join(' ')} END`
}
