import type {
  AttentionAnswer,
  ConnectionFeedAnswer,
  OverviewAnswer,
  SourceAnswer,
} from '../../../src/server/api/answers.ts'
import { get } from '../api.ts'
import { bytes, compact, count, duration, plural, ago } from '../format.ts'
import { JobProgressText } from '../ui/job-progress.tsx'
import { Icon } from '../ui/icon.tsx'
import { Failure, Loading, PageHead, StatusBadge, Tip } from '../ui/parts.tsx'
import { usePoll } from '../use-poll.ts'

export function Overview() {
  const { data, error } = usePoll('overview', (signal) => get<OverviewAnswer>('overview', {}, signal), 3000)
  return (
    <>
      <PageHead title="Overview" about="Sources, changefeeds, and what needs attention first.">
        <a className="button primary" href="#/create">
          <Icon name="create" size={16} />
          Create changefeed
        </a>
      </PageHead>
      <div className="stack">
        <Failure error={error} />
        {data === undefined ? error === undefined && <Loading what="the overview" /> : <Content data={data} />}
      </div>
    </>
  )
}

function Content({ data }: { readonly data: OverviewAnswer }) {
  const { counts, totals, sources, connections } = data
  const running = counts['running'] ?? 0
  const kept = sources.reduce((sum, { changelog }) => sum + changelog.bytes, 0)
  return (
    <>
      <dl className="figures">
        <Figure name="Running changefeeds" value={count(running)} unit={jobWords(counts)} />
        <Figure name="Messages" value={compact(totals.messagesPerSecond)} unit="per second" />
        <Figure name="Emitted" value={bytes(totals.bytesPerSecond)} unit="per second" />
        <Figure
          name="Furthest behind"
          value={duration(totals.worstLagMs)}
          unit={totals.worstLagMs === null ? '' : 'of the running ones'}
        />
        <Figure
          name="Changelog"
          value={bytes(kept)}
          unit={sources.length === 0 ? '' : `in ${plural(sources.length, 'source')}`}
        />
      </dl>
      <Attention lines={data.attention} isEmpty={sources.length === 0 && data.feedsTotal === 0} />
      <Feeds data={data} />
      <Sources sources={sources} />
      {connections.length === 0 ? null : <Connections feeds={connections} nowMs={data.nowMs} />}
    </>
  )
}

function jobWords(counts: OverviewAnswer['counts']): string {
  const words = ['paused', 'failed'].flatMap((status) => {
    const n = counts[status] ?? 0
    return n === 0 ? [] : [`${n} ${status}`]
  })
  return words.join(', ')
}

function Figure({ name, value, unit }: { readonly name: string; readonly value: string; readonly unit: string }) {
  return (
    <div className="card figure">
      <dt>{name}</dt>
      <dd>
        {value} <small>{unit}</small>
      </dd>
    </div>
  )
}

function Attention({ lines, isEmpty }: { readonly lines: readonly AttentionAnswer[]; readonly isEmpty: boolean }) {
  if (isEmpty && lines.length === 0) return null
  return (
    <section className="card" aria-labelledby="attention">
      {lines.length === 0 ? (
        <div className="all-well">
          <Icon name="good" size={24} />
          <div>
            <h2 id="attention">All is well</h2>
            <p className="muted">Every source is read, and no changefeed stands still.</p>
          </div>
        </div>
      ) : (
        <>
          <div className="card-head">
            <h2 id="attention">Needs attention</h2>
            <span className="muted">{plural(lines.length, 'thing')}, the worst first</span>
          </div>
          <ul className="attention">
            {lines.map((line) => (
              <li key={`${line.title} ${line.detail}`}>
                <span className={`mark ${line.severity}`} title={line.severity} />
                <div>
                  <h3>
                    {line.title} <span className="visually-hidden">({line.severity})</span>
                  </h3>
                  <p className="wrap">{line.detail}</p>
                  {line.hint === undefined ? null : <p className="muted wrap">What to do: {line.hint}</p>}
                </div>
                {line.job === undefined ? <span /> : <a href={`#/jobs/${line.job}`}>To the job</a>}
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  )
}

function Feeds({ data }: { readonly data: OverviewAnswer }) {
  if (data.feeds.length === 0) {
    return (
      <section className="card empty">
        <h2>No changefeed runs yet</h2>
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
        <h2 id="feeds">Changefeeds</h2>
        <a href="#/jobs">{data.feedsTotal > data.feeds.length ? `All ${count(data.feedsTotal)} jobs` : 'All jobs'}</a>
      </div>
      <div className="table-wrap">
        <table className="cards">
          <thead>
            <tr>
              <th scope="col">Changefeed</th>
              <th scope="col">Status</th>
              <th scope="col" className="right">
                Lag
              </th>
              <th scope="col" className="right">
                Messages/s
              </th>
              <th scope="col" className="right">
                Bytes/s
              </th>
              <th scope="col" className="right">
                <Tip text="Of the changelog: what this changefeed has still to read.">Retained</Tip>
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
                <td className="right num" data-label="Lag">
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

function Sources({ sources }: { readonly sources: readonly SourceAnswer[] }) {
  if (sources.length === 0) return null
  return (
    <section className="card" aria-labelledby="sources">
      <div className="card-head">
        <h2 id="sources">Sources</h2>
        <span className="muted">databases whose changes are read</span>
      </div>
      <div className="table-wrap">
        <table className="cards">
          <thead>
            <tr>
              <th scope="col">Database</th>
              <th scope="col">Reading</th>
              <th scope="col" className="right">
                <Tip text="Write-ahead log of PostgreSQL that is not durable in the changelog yet.">Slot lag</Tip>
              </th>
              <th scope="col" className="right">
                WAL kept
              </th>
              <th scope="col">Slot</th>
              <th scope="col" className="right">
                Changelog
              </th>
              <th scope="col" className="right">
                Rows read
              </th>
            </tr>
          </thead>
          <tbody>
            {sources.map((source) => (
              <tr key={source.database}>
                <td className="wide">
                  <strong>{source.database}</strong>
                  {source.problems.map(({ error }) => (
                    <div key={error} className="small wrap">
                      {error}
                    </div>
                  ))}
                </td>
                <td data-label="Reading">
                  <span className={`badge ${source.isReading ? 'good' : 'bad'}`}>{source.state}</span>
                </td>
                <td className="right num" data-label="Slot lag">
                  {bytes(source.slot.lagBytes)}
                  {source.slot.lagSeconds === null ? '' : `, ${duration(source.slot.lagSeconds * 1000)}`}
                </td>
                <td className="right num" data-label="WAL kept">
                  {bytes(source.slot.retainedBytes)}
                  {source.slot.safeBytes === null
                    ? ''
                    : ` of ${bytes(source.slot.safeBytes + (source.slot.retainedBytes ?? 0))}`}
                </td>
                <td data-label="Slot">
                  {source.slot.walStatus ?? 'not read yet'}
                  {source.slot.secondsLeft === null ? '' : `, lost in ${duration(source.slot.secondsLeft * 1000)}`}
                </td>
                <td className="right num" data-label="Changelog">
                  {bytes(source.changelog.bytes)}
                </td>
                <td className="right num" data-label="Rows read">
                  {compact(source.changelog.rows)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Connections({ feeds, nowMs }: { readonly feeds: readonly ConnectionFeedAnswer[]; readonly nowMs: number }) {
  return (
    <section className="card" aria-labelledby="connections">
      <div className="card-head">
        <h2 id="connections">Changefeeds on connections</h2>
        <span className="muted">they end with their client</span>
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
