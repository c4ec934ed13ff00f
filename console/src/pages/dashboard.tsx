import type { EventsAnswer, OverviewAnswer } from '../../../src/server/api/answers.ts'
import { get } from '../api.ts'
import { bytes, compact, count, duration } from '../format.ts'
import { dashboardGraphs } from '../graph/dashboard-graphs.ts'
import { Graph } from '../graph/graph.tsx'
import { TimeRangePicker, useTimeRange, type TimeRange } from '../graph/time-range.tsx'
import { lastValue, useSeries } from '../graph/use-series.ts'
import { go, useRoute } from '../route.ts'
import { EventList } from '../ui/event-list.tsx'
import { PageHead } from '../ui/parts.tsx'
import { usePoll } from '../use-poll.ts'

const places = [
  ['/metrics/changefeeds/cluster', 'Cluster'],
  ['/metrics/changefeeds/node/1', 'Node 1 (this server)'],
] as const

export function Dashboard() {
  const range = useTimeRange()
  const { path, parameters } = useRoute()
  const query = parameters.toString()
  return (
    <>
      <PageHead title="Changefeeds" crumbs="Metrics">
        <label className="row">
          <span>Graph</span>
          <select
            value={places.find(([place]) => place === path)?.[0] ?? places[0][0]}
            onChange={(event) => go(`${event.target.value}${query === '' ? '' : `?${query}`}`)}
          >
            {places.map(([place, name]) => (
              <option key={place} value={place}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label className="row">
          <span>Dashboard</span>
          <select value="changefeeds" onChange={(event) => event.target.value === 'custom' && go('/debug/chart')}>
            <option value="changefeeds">Changefeeds</option>
            <option value="custom">Custom chart</option>
          </select>
        </label>
      </PageHead>
      <div className="stack">
        <TimeRangePicker range={range} />
        <div className="dash">
          {/* It stands first, so that what it asks is asked first. */}
          <aside className="stack sticky">
            <Summary range={range} />
            <Latest />
          </aside>
          <div className="graphs">
            {dashboardGraphs.map(({ title, formerly, about, unit, lines }) => (
              <Graph
                key={title}
                title={title}
                note={formerly === undefined ? undefined : `formerly ${formerly}`}
                about={about}
                unit={unit}
                lines={lines}
                range={range}
              />
            ))}
          </div>
        </div>
      </div>
    </>
  )
}

const p99 = [{ label: 'p99', metric: 'changefeed.commit_latency-p99', downsample: 'max', aggregate: 'max' }] as const

function Summary({ range }: { readonly range: TimeRange }) {
  const { data } = usePoll('summary', (signal) => get<OverviewAnswer>('overview', {}, signal), 10_000)
  const { drawn } = useSeries(p99, range)
  const [line] = drawn?.lines ?? []
  const latency = line && lastValue(line)
  const rows: readonly (readonly [string, string])[] = [
    ['Total Nodes', '1'],
    [
      'Capacity Used',
      data === undefined ? '–' : bytes(data.sources.reduce((sum, { changelog }) => sum + changelog.bytes, 0)),
    ],
    [
      'Unavailable Sources',
      data === undefined ? '–' : count(data.sources.filter(({ isReading }) => !isReading).length),
    ],
    ['Messages per second', data === undefined ? '–' : compact(data.totals.messagesPerSecond)],
    ['P99 Latency', latency == null ? '–' : duration(latency / 1e6)],
  ]
  return (
    <section className="card summary" aria-labelledby="summary">
      <div className="card-head">
        <h2 id="summary">Summary</h2>
      </div>
      <dl className="card-body">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function Latest() {
  const { data } = usePoll('latest events', (signal) => get<EventsAnswer>('events', { limit: 5 }, signal), 10_000)
  return (
    <section className="card" aria-labelledby="events">
      <div className="card-head">
        <h2 id="events">Events</h2>
        <a href="#/events">View all events</a>
      </div>
      <div className="card-body">{data === undefined ? null : <EventList events={data.events} />}</div>
    </section>
  )
}
