// What needs attention first: problems of PostgreSQL and its sources, a certificate that has ended, changefeeds that stand still, and
// what will be a problem soon.

import type { HealthProblem } from '../../http/http.ts'
import { certificateExpiry, type CertificateEnd } from '../../core/certificate-end.ts'
import type { AttentionAnswer, JobAnswer } from './answers.ts'

/** A changefeed that is further behind is mentioned. */
const lagWorthMs = 60_000
/** A failure is mentioned for so long. */
const failedWorthMs = 24 * 3_600_000
const mostLines = 20

export interface AttentionFacts {
  readonly nowMs: number
  readonly problems: readonly HealthProblem[]
  /** Those of this server. */
  readonly certificates?: readonly CertificateEnd[]
  /** Those that are not over, and those that have failed. */
  readonly jobs: readonly JobAnswer[]
}

export function needsAttention({
  nowMs,
  problems,
  certificates = [],
  jobs,
}: AttentionFacts): readonly AttentionAnswer[] {
  const ofProblems = problems.map(({ database, error, hint }): AttentionAnswer => {
    const title = database === undefined ? 'PostgreSQL' : `Database ${database}`
    return { severity: 'critical', title, detail: error, hint }
  })
  const ofJobs = jobs.flatMap((job) => ofJob(job, nowMs) ?? [])
  const ofCertificates = certificates.flatMap((end): AttentionAnswer[] => {
    const found = certificateExpiry(end, { nowMs })
    if (found === undefined) return []
    return [{ severity: found.isOver ? 'critical' : 'warning', title: 'TLS', detail: found.error, hint: found.hint }]
  })
  const isCritical = ({ severity }: AttentionAnswer): boolean => severity === 'critical'
  return [
    ...ofProblems,
    ...ofCertificates.filter(isCritical),
    ...ofJobs.filter(isCritical),
    ...ofCertificates.filter((line) => !isCritical(line)),
    ...ofJobs.filter((line) => !isCritical(line)).sort((a, b) => b.lagMs - a.lagMs),
  ]
    .slice(0, mostLines)
    .map(({ severity, title, detail, hint, job }) => ({ severity, title, detail, hint, job }))
}

function ofJob(job: JobAnswer, nowMs: number): (AttentionAnswer & { readonly lagMs: number }) | undefined {
  const { id, status, phase, problem, finishedMs } = job
  const lagMs = job.lagMs ?? 0
  const about = { job: id, lagMs, detail: problem?.error ?? '', hint: problem?.hint }
  const title = `Job ${id}`
  if (status === 'failed') {
    if (nowMs - (finishedMs ?? 0) > failedWorthMs) return undefined
    return { ...about, severity: 'critical', title: `${title} failed` }
  }
  if (phase === 'retrying') return { ...about, severity: 'critical', title: `${title} tries again and again` }
  if (phase === 'paused' && problem !== null)
    return { ...about, severity: 'critical', title: `${title} was paused by an error` }
  if (phase === 'waiting') return { ...about, severity: 'warning', title: `${title} waits` }
  if (lagMs < lagWorthMs) return undefined
  if (phase === 'paused')
    return {
      ...about,
      severity: 'warning',
      title: `${title} is paused`,
      detail: 'what it has not emitted yet is kept in the changelog',
      hint: 'resume it, or cancel it if it is not needed any more',
    }
  if (phase !== 'following') return undefined
  return { ...about, severity: 'warning', title: `${title} is behind`, detail: 'its high-water mark is old' }
}
