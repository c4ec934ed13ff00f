import type { OverviewAnswer } from '../../../src/server/api/answers.ts'
import { get } from '../api.ts'
import { bytes, compact, count, duration, plural } from '../format.ts'
import { Attention } from '../overview/attention.tsx'
import { Connections, Feeds } from '../overview/feeds.tsx'
import { Sources } from '../overview/sources.tsx'
import { Icon } from '../ui/icon.tsx'
import { Failure, Loading, PageHead } from '../ui/parts.tsx'
import { usePoll } from '../use-poll.ts'

export function Overview() {
  const { data, error } = usePoll('overview', (signal) => get<OverviewAnswer>('overview', {}, signal))
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
        <Figure name="Running jobs" value={count(running)} unit={jobWords(counts)} />
        <Figure
          name="On connections"
          value={count(data.connectionsTotal)}
          unit={data.connectionsTotal === 1 ? 'changefeed' : 'changefeeds'}
        />
        <Figure name="Messages" value={compact(totals.messagesPerSecond)} unit="per second" />
        <Figure name="Emitted" value={bytes(totals.bytesPerSecond)} unit="per second" />
        <Figure
          name="Furthest behind"
          value={duration(totals.worstLagMs)}
          unit={totals.worstLagMs === null ? '' : 'of the running jobs'}
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
      {connections.length === 0 ? null : (
        <Connections feeds={connections} total={data.connectionsTotal} nowMs={data.nowMs} />
      )}
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
