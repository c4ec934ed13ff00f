import { PageHead } from '../ui/parts.tsx'

const reports = [
  ['#/debug/chart', 'Custom TimeSeries Chart', 'Any metric, any span of the last days; its address can be shared.'],
  ['./_status/vars', 'Prometheus metrics', 'What a Prometheus scrapes: /_status/vars.'],
  ['./health', 'Health', 'The problems of changefeeds. /health?ready=1 says whether SQL can be run.'],
] as const

export function Debug() {
  return (
    <>
      <PageHead title="Advanced Debugging" about="What helps when something is unclear." />
      <section className="card" aria-labelledby="reports">
        <div className="card-head">
          <h2 id="reports">Reports</h2>
        </div>
        <div className="card-body">
          <dl className="facts texts">
            {reports.map(([to, name, about]) => (
              <div key={to}>
                <dt>
                  <a href={to}>{name}</a>
                </dt>
                <dd>{about}</dd>
              </div>
            ))}
          </dl>
        </div>
      </section>
    </>
  )
}
