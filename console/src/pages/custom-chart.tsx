import { useId } from 'react'
import type { MetricsAnswer } from '../../../src/server/api/answers.ts'
import { get } from '../api.ts'
import {
  lineOf,
  newChart,
  newMetric,
  readCharts,
  type ChartDefinition,
  type MetricDefinition,
} from '../graph/chart-definition.ts'
import { Graph } from '../graph/graph.tsx'
import { TimeRangePicker, useTimeRange, type TimeRange } from '../graph/time-range.tsx'
import { setParameters, useRoute } from '../route.ts'
import { Icon } from '../ui/icon.tsx'
import { CopyButton, Failure, PageHead } from '../ui/parts.tsx'
import { usePoll } from '../use-poll.ts'

const rates = [
  ['none', 'Normal'],
  ['rate', 'Rate'],
  ['non_negative', 'Non-negative Rate'],
] as const
const combinations = [
  ['avg', 'AVG'],
  ['min', 'MIN'],
  ['max', 'MAX'],
  ['sum', 'SUM'],
] as const
const units = [
  ['count', 'Count'],
  ['bytes', 'Bytes'],
  ['duration', 'Duration'],
] as const

type Kept = MetricsAnswer['metrics']

export function CustomChart() {
  const range = useTimeRange()
  const { parameters } = useRoute()
  const charts = readCharts(parameters.get('charts'))
  const { data, error } = usePoll('metrics', (signal) => get<MetricsAnswer>('metrics', {}, signal), 60_000)
  const change = (next: readonly ChartDefinition[]): void =>
    setParameters({ charts: next.length === 0 ? undefined : JSON.stringify(next) })
  const add = (): void => change([...charts, newChart])
  return (
    <>
      <PageHead
        title="Custom Chart"
        crumbs={<a href="#/debug">Advanced Debugging</a>}
        about="One data point of each metric is kept every ten seconds. The address of this page has the whole definition."
      >
        {charts.length === 0 ? null : <CopyButton text={window.location.href} what="the address of this page" />}
        <button type="button" className="button primary" onClick={add}>
          <Icon name="create" size={16} />
          Add Chart
        </button>
      </PageHead>
      <div className="stack">
        <TimeRangePicker range={range} />
        <Failure error={error} />
        {charts.length === 0 ? (
          <section className="card empty">
            <h2>No chart yet</h2>
            <p>Click Add Chart, then choose a metric, such as changefeed.error_retries.</p>
          </section>
        ) : (
          charts.map((chart, i) => (
            <Chart
              key={i}
              number={i + 1}
              chart={chart}
              kept={data?.metrics ?? []}
              range={range}
              change={(next) => change(charts.toSpliced(i, 1, ...(next === undefined ? [] : [next])))}
            />
          ))
        )}
      </div>
    </>
  )
}

interface ChartProps {
  readonly number: number
  readonly chart: ChartDefinition
  readonly kept: Kept
  readonly range: TimeRange
  /** Undefined takes it away. */
  readonly change: (next: ChartDefinition | undefined) => void
}

function Chart({ number, chart, kept, range, change }: ChartProps) {
  const named = chart.metrics.filter(({ metric }) => metric !== '')
  const lines = named.map((metric) =>
    lineOf(metric, { units: chart.units, unit: kept.find(({ name }) => name === metric.metric)?.unit }),
  )
  const isRate = named.length > 0 && named.every(({ rate }) => rate !== 'none')
  const unit =
    chart.units === 'count'
      ? isRate
        ? 'per-second'
        : 'count'
      : chart.units === 'bytes' && isRate
        ? 'bytes-per-second'
        : chart.units
  return (
    <section className="card" aria-label={`Chart ${number}`}>
      <div className="card-head">
        <h2>Chart {number}</h2>
        <div className="row">
          <label className="row">
            <span>Units</span>
            <select
              value={chart.units}
              onChange={(event) => change({ ...chart, units: event.target.value as ChartDefinition['units'] })}
            >
              {units.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          </label>
          <button type="button" className="button danger" onClick={() => change(undefined)}>
            Remove Chart
          </button>
        </div>
      </div>
      <div className="card-body">
        {lines.length === 0 ? (
          <p className="muted empty">Choose a metric below.</p>
        ) : (
          <Graph title={named.map(({ metric }) => metric).join(', ')} unit={unit} lines={lines} range={range} />
        )}
        {chart.metrics.map((metric, i) => (
          <MetricRow
            key={i}
            metric={metric}
            kept={kept}
            change={(next) =>
              change({ ...chart, metrics: chart.metrics.toSpliced(i, 1, ...(next === undefined ? [] : [next])) })
            }
          />
        ))}
        <button
          type="button"
          className="button"
          onClick={() => change({ ...chart, metrics: [...chart.metrics, newMetric] })}
        >
          Add Metric
        </button>
      </div>
    </section>
  )
}

interface MetricRowProps {
  readonly metric: MetricDefinition
  readonly kept: Kept
  readonly change: (next: MetricDefinition | undefined) => void
}

function MetricRow({ metric, kept, change }: MetricRowProps) {
  const list = useId()
  const facts = kept.find(({ name }) => name === metric.metric)
  return (
    <div className="metric-row">
      <label className="field">
        <span>Metric Name</span>
        <input
          type="text"
          list={list}
          value={metric.metric}
          placeholder="changefeed.error_retries"
          spellCheck={false}
          title={facts?.help}
          onChange={(event) => change({ ...metric, metric: event.target.value.trim() })}
        />
        <datalist id={list}>
          {kept.map(({ name, help }) => (
            <option key={name} value={name}>
              {help}
            </option>
          ))}
        </datalist>
      </label>
      <Choice
        label="Downsampler"
        value={metric.downsampler}
        of={combinations}
        chosen={(downsampler) => change({ ...metric, downsampler })}
      />
      <Choice
        label="Aggregator"
        value={metric.aggregator}
        of={combinations}
        chosen={(aggregator) => change({ ...metric, aggregator })}
      />
      <Choice label="Rate" value={metric.rate} of={rates} chosen={(rate) => change({ ...metric, rate })} />
      <Choice
        label="Source"
        value={metric.source}
        of={sourcesOf(facts)}
        chosen={(source) => change({ ...metric, source })}
      />
      <label className="check">
        <input
          type="checkbox"
          checked={metric.perNode}
          onChange={(event) => change({ ...metric, perNode: event.target.checked })}
        />
        Per Node
      </label>
      <button
        type="button"
        className="button icon"
        aria-label="Remove Metric"
        title="Remove Metric"
        onClick={() => change(undefined)}
      >
        <Icon name="close" size={16} />
      </button>
    </div>
  )
}

/** A metric that is kept for each job, scope and so on can be shown of these. */
function sourcesOf(facts: Kept[number] | undefined): readonly (readonly [string, string])[] {
  const more = (facts?.of ?? []).filter((of) => of !== 'cluster').map((of) => [of, `Every ${of}`] as const)
  return [['cluster', 'Cluster'], ['node', 'Node 1'], ...more]
}

interface ChoiceProps<Word extends string> {
  readonly label: string
  readonly value: Word
  readonly of: readonly (readonly [Word, string])[]
  readonly chosen: (word: Word) => void
}

function Choice<Word extends string>({ label, value, of, chosen }: ChoiceProps<Word>) {
  return (
    <label className="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => chosen(event.target.value as Word)}>
        {of.map(([word, text]) => (
          <option key={word} value={word}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}
