// The changefeeds that need attention most, and those on connections.

import type { ConnectionFeedAnswer, OverviewAnswer } from '../../../src/server/api/answers.ts'
import { ago, bytes, compact, count, duration } from '../format.ts'
import { lagTexts } from '../jobs/lag-texts.ts'
import { JobProgressText } from '../ui/job-progress.tsx'
import { StatusBadge, Tip } from '../ui/parts.tsx'

export function Feeds({ data }: { readonly data: OverviewAnswer }) {
  if (data.feeds.length === 0) {
    return (
      <section className="card empty">
        <h2>{data.connectionsTotal > 0 ? 'No job runs yet' : 'No changefeed runs yet'}</h2>
        <p>A changefeed sends every committed change of your tables to Kafka, a webhook, Pub/Sub or files.</p>
        <div className="row">
          <a className="button primary" href="#/create">
            Create changefeed
          </a>
          <a className="button" href="#/jobs">
            Former jobs
          </a>
        </div>
      </section>
    )
  }
  return (
    <section className="card" aria-labelledby="feeds">
      <div className="card-head">
        <h2 id="feeds">Changefeeds of jobs</h2>
        <a href="#/jobs">{data.feedsTotal > data.feeds.length ? `All ${count(data.feedsTotal)} jobs` : 'All jobs'}</a>
      </div>
      <div className="table-wrap">
        <table className="cards">
          <thead>
            <tr>
              <th scope="col">Changefeed</th>
              <th scope="col">Status</th>
              <th scope="col" className="right">
                <Tip text={lagTexts.emit}>Emit Lag</Tip>
              </th>
              <th scope="col" className="right">
                Messages/s
              </th>
              <th scope="col" className="right">
                Bytes/s
              </th>
              <th scope="col" className="right">
                <Tip text="What the changelog keeps for this changefeed: whole files, from the one that it reads now.">
                  Retained
                </Tip>
              </th>
            </tr>
          </thead>
          <tbody>
            {data.feeds.map((job) => (
              <tr key={job.id}>
                <td className="wide">
                  <a className="clip" href={`#/jobs/${job.id}`}>
                    {job.description}
                  </a>
                  <span className="muted small">
                    {job.database === null ? '' : `${job.database} · `}
                    {job.user}
                  </span>
                </td>
                <td data-label="Status">
                  <div>
                    <StatusBadge job={job} />
                    <JobProgressText job={job} isShort />
                  </div>
                </td>
                <td className="right num" data-label="Emit Lag">
                  {duration(job.lagMs)}
                </td>
                <td className="right num" data-label="Messages/s">
                  {job.live === null ? '–' : compact(job.live.messagesPerSecond)}
                </td>
                <td className="right num" data-label="Bytes/s">
                  {job.live === null ? '–' : bytes(job.live.bytesPerSecond)}
                </td>
                <td className="right num" data-label="Retained">
                  {bytes(job.retainedBytes)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

export function Connections({
  feeds,
  total,
  nowMs,
}: {
  readonly total: number
  readonly feeds: readonly ConnectionFeedAnswer[]
  readonly nowMs: number
}) {
  return (
    <section className="card" aria-labelledby="connections">
      <div className="card-head">
        <h2 id="connections">Changefeeds on connections</h2>
        <span className="muted">
          {total > feeds.length ? `${count(feeds.length)} of ${count(total)}; ` : ''}they end with their client
        </span>
      </div>
      <div className="table-wrap">
        <table className="cards">
          <thead>
            <tr>
              <th scope="col">Statement</th>
              <th scope="col">User</th>
              <th scope="col">Client</th>
              <th scope="col">Started</th>
            </tr>
          </thead>
          <tbody>
            {feeds.map((feed) => (
              <tr key={`${feed.startedMs} ${feed.client} ${feed.statement}`}>
                <td className="wide">
                  <span className="clip mono">{feed.statement}</span>
                </td>
                <td data-label="User">{feed.user}</td>
                <td data-label="Client">{feed.client}</td>
                <td data-label="Started">{ago(feed.startedMs, nowMs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}
