// The list of jobs, a page at a time, and one job with all that is known of it.

import { FeedError } from '../../errors/feed-error.ts'
import type { JobStatus } from '../../jobs/jobs.ts'
import type { ListedJob } from '../../jobs/listed-jobs.ts'
import { transitions } from '../../jobs/transitions.ts'
import type { JobDetailAnswer, JobsAnswer } from './answers.ts'
import { numberIn } from './api-request.ts'
import type { OverviewParts } from './overview.ts'
import { reachedBy, showJob, type ShownBy } from './show-job.ts'

type JobParts = Pick<OverviewParts, 'listed' | 'feeds' | 'rates' | 'sources' | 'kept'>

const mostAtOnce = 500
const verbs = ['pause', 'resume', 'cancel'] as const

export async function listJobs(
  parts: JobParts,
  { user, url }: { readonly user: string; readonly url: URL },
): Promise<JobsAnswer> {
  const statuses = url.searchParams.getAll('status')
  for (const status of statuses)
    if (!Object.hasOwn(transitions, status))
      throw new FeedError('FEED_OPTION', `there is no status ${status}`, {
        hint: `a status is one of ${Object.keys(transitions).join(', ')}`,
      })
  const text = url.searchParams.get('text') ?? ''
  const [{ jobs, total }, counts] = await Promise.all([
    parts.listed.page(user, {
      statuses: statuses.length === 0 ? undefined : statuses,
      text: text === '' ? undefined : text,
      hasSpec: false,
      limit: numberIn(url, 'limit', { fallback: 50, most: mostAtOnce }),
      offset: numberIn(url, 'offset', { fallback: 0, most: Number.MAX_SAFE_INTEGER }),
    }),
    parts.listed.counts(user),
  ])
  const shown = shownBy(parts)
  return { jobs: jobs.map((job) => showJob(job, shown)), total, counts, nowMs: shown.nowMs }
}

export async function jobDetail(
  parts: JobParts,
  { user, id }: { readonly user: string; readonly id: string },
): Promise<JobDetailAnswer> {
  const { jobs } = await parts.listed.page(user, { ids: [id], limit: 1 })
  const [job] = jobs
  if (job === undefined)
    throw new FeedError('FEED_STATE', `job with ID ${id} does not exist`, {
      sqlstate: '42704',
      hint: 'SHOW JOBS lists the jobs',
    })
  const { spec } = job
  const shown = shownBy(parts)
  return {
    job: showJob(job, shown),
    database: spec?.database ?? null,
    tables: spec?.targets.map(({ name, topic }) => name ?? topic) ?? [],
    format: spec?.format ?? null,
    scope: spec?.scope ?? null,
    retainedBytes: retained(parts, job, shown),
    verbs: verbs.filter((verb) => isUseful(job.status as JobStatus, verb)),
    nowMs: shown.nowMs,
  }
}

function retained({ sources, kept }: JobParts, job: ListedJob, { feeds }: ShownBy): number | null {
  if (job.spec === undefined || job.finishedMs !== null) return null
  return kept.bytes(sources.of(job.spec.database), reachedBy(job, feeds.get(job.id)))
}

/** Whether the request would change anything. */
function isUseful(status: JobStatus, verb: (typeof verbs)[number]): boolean {
  const next = transitions[status][verb]
  return typeof next === 'string' && next !== status
}

function shownBy({ feeds, rates }: JobParts): ShownBy {
  return { nowMs: Date.now(), rates, feeds: new Map(feeds.running.map((feed) => [feed.id, feed])) }
}
