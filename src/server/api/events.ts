// What has happened to changefeeds, read from the rows of their jobs: the newest come first.

import type { ListedJob, ListedJobs } from '../../jobs/listed-jobs.ts'
import type { EventAnswer, EventsAnswer } from './answers.ts'

const readJobs = 500
const mostEvents = 200

const ended: Readonly<Record<string, string>> = {
  succeeded: 'Changefeed succeeded',
  failed: 'Changefeed failed',
  canceled: 'Changefeed canceled',
  paused: 'Changefeed paused',
}

export async function events(
  listed: ListedJobs,
  { user, limit }: { readonly user: string; readonly limit: number },
): Promise<EventsAnswer> {
  const { jobs } = await listed.page(user, { hasSpec: false, limit: readJobs })
  const all = jobs.flatMap(eventsOf).sort((a, b) => b.atMs - a.atMs)
  return { events: all.slice(0, Math.min(limit, mostEvents)) }
}

function eventsOf({
  id,
  user,
  status,
  createdMs,
  finishedMs,
  modifiedMs,
  description,
  error,
}: ListedJob): EventAnswer[] {
  const created = {
    atMs: createdMs,
    kind: 'create_changefeed',
    text: `Changefeed created: user ${user} ran ${description}`,
    job: id,
  }
  const how = ended[status]
  if (how === undefined) return [created]
  const why = error === '' ? '' : `: ${error}`
  return [
    created,
    { atMs: finishedMs ?? modifiedMs, kind: `changefeed_${status}`, text: `${how}: job ${id}${why}`, job: id },
  ]
}
