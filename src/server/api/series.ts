// The kept data points of metrics, over HTTP.

import { pointEveryMs, type SeriesOrigin, type SeriesQuery, type SeriesStore } from '../../core/series.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { MetricsAnswer, SeriesAnswers } from './answers.ts'
import { nearestName } from '../../core/nearest-name.ts'
import { numberIn } from './api-request.ts'

const mostNames = 20
const mostIds = 100
/** A graph is not wider than that. */
const mostSteps = 2000
/** All of them are in memory, and become text, in the thread that also runs SQL. */
const mostValues = 2_000_000

const words = {
  of: ['cluster', 'job', 'scope', 'database', 'sink'],
  downsample: ['avg', 'min', 'max', 'sum'],
  aggregate: ['avg', 'min', 'max', 'sum'],
  rate: ['none', 'rate', 'non_negative'],
} as const

export function keptMetrics(store: SeriesStore | undefined): MetricsAnswer {
  return { metrics: store?.metrics ?? [], pointEveryMs }
}

export const seriesParameters = ['name', 'of', 'id', 'from', 'to', 'step', 'downsample', 'rate', 'aggregate'] as const
export const repeatedSeriesParameters = ['name', 'id'] as const

export interface SeriesCall {
  /** Returns the first of these ids that is of no job. */
  readonly unknownJob?: (ids: readonly string[]) => Promise<string | undefined>
  /** Returns the jobs that the caller may see; undefined: all, also those that are kept no more. */
  readonly seenJobs?: () => Promise<ReadonlySet<string> | undefined>
  /** Aborts when nobody waits for the answer any more. */
  readonly signal?: AbortSignal
}

/** Asks for several metrics in the same way. */
export async function querySeries(
  store: SeriesStore | undefined,
  url: URL,
  {
    unknownJob = () => Promise.resolve(undefined),
    seenJobs = () => Promise.resolve(undefined),
    signal,
  }: SeriesCall = {},
): Promise<SeriesAnswers> {
  const names = [...new Set(url.searchParams.getAll('name'))]
  if (names.length === 0 || names.length > mostNames)
    throw new FeedError('FEED_OPTION', `name has to be given, and at most ${mostNames} times`)
  const ids = [...new Set(url.searchParams.getAll('id'))]
  if (ids.length > mostIds) throw new FeedError('FEED_OPTION', `id may be given at most ${mostIds} times`)
  const time = (name: string): number => numberIn(url, name, { fallback: Date.now(), most: Number.MAX_SAFE_INTEGER })
  const step = numberIn(url, 'step', { fallback: pointEveryMs, most: 7 * 24 * 3_600_000 })
  const stepMs = Math.max(1, Math.ceil(step / pointEveryMs)) * pointEveryMs
  const [fromMs, toMs] = [time('from'), time('to')]
  if (toMs <= fromMs || (toMs - fromMs) / stepMs > mostSteps)
    throw new FeedError('FEED_OPTION', `from has to be before to, with at most ${mostSteps} steps between them`)
  if (step < 1) throw new FeedError('FEED_OPTION', 'step has to be at least 1 millisecond')
  const of = wordIn(url, 'of')
  if (store !== undefined) for (const name of names) checkName(store, name, of)
  const query: Omit<SeriesQuery, 'name'> = {
    of: of ?? 'cluster',
    ids: ids.length === 0 ? undefined : ids,
    fromMs,
    toMs,
    stepMs,
    downsample: wordIn(url, 'downsample') ?? 'avg',
    rate: wordIn(url, 'rate') ?? 'none',
    aggregate: wordIn(url, 'aggregate'),
  }
  const answers: SeriesAnswers['answers'][number][] = []
  let values = 0
  // A metric of jobs alone has no series of the whole server, so this is not only about `of=job`.
  const isOfJobs = (name: string): boolean => originFor(store, name, query.of) === 'job'
  const seen = names.some(isOfJobs) ? await seenJobs() : undefined
  if (seen !== undefined) {
    const hidden = ids.find((id) => !seen.has(id))
    if (hidden !== undefined) throw noJob(hidden)
  }
  for (const name of names) {
    const seenIds = seen !== undefined && isOfJobs(name) ? [...seen] : undefined
    const answer = await store?.query(
      { ...query, name, of: originFor(store, name, query.of), ids: query.ids ?? seenIds },
      signal,
    )
    values += (answer?.series ?? []).reduce((sum, { values: own }) => sum + own.length, 0)
    if (values > mostValues)
      throw new FeedError('FEED_OPTION', `these would be more than ${mostValues} values`, {
        hint: 'ask for fewer names or ids, for less time or longer steps, or for an aggregate',
      })
    if (query.of === 'job' && answer !== undefined) {
      const found = new Set(answer.series.map(({ id }) => id))
      // A job that has ended may have points, and one that has just begun may have none.
      const unknown =
        answer.series.length === 0 || query.aggregate === undefined
          ? await unknownJob(ids.filter((id) => !found.has(id)))
          : undefined
      if (unknown !== undefined) throw noJob(unknown)
    }
    answers.push({ name, ...(answer ?? { fromMs, stepMs, series: [] }) })
  }
  return { answers }
}

export function noJob(id: string): FeedError {
  return new FeedError('FEED_STATE', `job with ID ${id} does not exist`, {
    sqlstate: '42704',
    hint: 'SHOW JOBS lists the jobs',
  })
}

function checkName({ metrics }: SeriesStore, name: string, of: SeriesOrigin | undefined): void {
  const kept = metrics.find((metric) => metric.name === name)
  if (kept === undefined) {
    const all = metrics.map((metric) => metric.name)
    // Histograms have several series, and Prometheus writes names without dots.
    const dotted = name.replaceAll('_', '.')
    const ours = all.filter((one) => one.startsWith(`${name}-`) || one.replaceAll('_', '.') === dotted)
    const meant = ours.length > 0 ? ours : [nearestName(name, all)].filter((one) => one !== undefined)
    throw new FeedError('FEED_OPTION', `there are no points of a metric ${name}`, {
      sqlstate: '42704',
      hint: meant.length > 0 ? `did you mean ${meant.join(', ')}?` : 'GET metrics lists the metrics',
    })
  }
  // `cluster` stands for the sum of whatever there is.
  if (of === undefined || of === 'cluster' || kept.of.includes(of)) return
  throw new FeedError('FEED_OPTION', `there are no points of ${name} of each ${of}`, {
    hint: `of may be ${kept.of.join(', ')}`,
  })
}

/** Metrics of databases and sinks have no series of the whole server: then all of theirs are meant. */
function originFor(store: SeriesStore | undefined, name: string, of: SeriesOrigin): SeriesOrigin {
  const kept = store?.metrics.find((metric) => metric.name === name)?.of ?? []
  return of === 'cluster' && !kept.includes(of) ? (kept[0] ?? of) : of
}

function wordIn<Name extends keyof typeof words>(url: URL, name: Name): (typeof words)[Name][number] | undefined {
  const text = url.searchParams.get(name)?.toLowerCase()
  if (text === undefined) return undefined
  const found = words[name].find((word) => word === text)
  if (found !== undefined) return found
  throw new FeedError('FEED_OPTION', `${name} has to be ${words[name].join(', ')}`)
}
