// The graphs of one job.

import { Graph } from './graph.tsx'
import { TimeRangePicker, useTimeRange } from './time-range.tsx'

export function JobGraphs({ id }: { readonly id: string }) {
  const range = useTimeRange()
  const ofJob = { of: 'job', ids: [id], downsample: 'max' } as const
  const growing = { ...ofJob, rate: 'non_negative', downsample: 'avg' } as const
  return (
    <section className="stack" aria-label="Graphs of this job">
      <TimeRangePicker range={range} />
      <div className="graphs">
        <Graph
          title="Checkpoint Lag"
          note="of the high-water timestamp"
          about="How old the high-water timestamp of the job is, also while it is paused. It grows between two checkpoints."
          unit="duration"
          lines={[{ label: 'Lag', metric: 'changefeed.checkpoint_lag', ...ofJob }]}
          range={range}
        />
        <Graph
          title="Messages"
          about="Messages that its sink has confirmed."
          unit="per-second"
          lines={[{ label: 'Messages', metric: 'changefeed.emitted_messages', ...growing }]}
          range={range}
        />
        <Graph
          title="Emitted Bytes"
          about="Bytes of keys and values that its sink has confirmed."
          unit="bytes-per-second"
          lines={[{ label: 'Emitted Bytes', metric: 'changefeed.emitted_bytes', ...growing }]}
          range={range}
        />
        <Graph
          title="Sink Errors"
          about="Errors that its sink has answered."
          unit="per-minute"
          lines={[{ label: 'Errors', metric: 'changefeed.sink_errors', scale: 60, ...growing }]}
          range={range}
        />
      </div>
    </section>
  )
}
