import type { JobsAnswer } from '../../../src/server/api/answers.ts'
import { get } from '../api.ts'
import { count, dateTime, plural } from '../format.ts'
import { setParameters, useRoute } from '../route.ts'
import { columns, Row } from '../jobs/columns.tsx'
import { Menu } from '../ui/menu.tsx'
import { Failure, Loading, PageHead } from '../ui/parts.tsx'
import { useLater } from '../use-later.ts'
import { usePoll } from '../use-poll.ts'

const statuses = [
  ['running', 'Running'],
  ['pause-requested', 'Pause requested'],
  ['paused', 'Paused'],
  ['cancel-requested', 'Cancel requested'],
  ['canceled', 'Canceled'],
  ['succeeded', 'Succeeded'],
  ['failed', 'Failed'],
] as const

const latest = 50
const sizes: readonly number[] = [20, 50, 100, 500]

export function Jobs() {
  const { parameters } = useRoute()
  const search = parameters.get('text') ?? ''
  const text = useLater(search, 250)
  const status = parameters.get('status') ?? ''
  const isLatest = parameters.get('show') !== 'all'
  // Anybody can write an address.
  const size = sizes.find((one) => String(one) === parameters.get('size')) ?? 20
  const wanted = Math.max(0, (Math.floor(Number(parameters.get('page') ?? '1')) || 1) - 1)
  const page = isLatest ? Math.min(wanted, Math.ceil(latest / size) - 1) : wanted
  const hidden = new Set(
    (
      parameters.get('hide') ??
      columns
        .filter(({ isExtra }) => isExtra)
        .map(({ name }) => name)
        .join()
    ).split(','),
  )
  const asked = { status, text, limit: Math.min(size, isLatest ? latest - page * size : size), offset: page * size }
  const { data, error } = usePoll(JSON.stringify(asked), (signal) => get<JobsAnswer>('jobs', asked, signal))
  const shown = columns.filter(({ name }) => !hidden.has(name))
  const shownNames = shown.map(({ name }) => name).join()
  const total = data === undefined ? 0 : isLatest ? Math.min(latest, data.total) : data.total
  const toggle = (name: string): void => {
    const next = new Set(hidden)
    if (!next.delete(name)) next.add(name)
    setParameters({ hide: [...next].filter((one) => one !== '').join() })
  }
  return (
    <>
      <PageHead title="Jobs" about="Changefeeds that run without a client. They continue after every restart." />
      <div className="stack">
        <Failure error={error} />
        <section className="card" aria-label="Jobs">
          <div className="toolbar">
            <label className="field">
              <span>Status</span>
              <select
                value={status}
                onChange={(event) =>
                  setParameters({ status: event.target.value === '' ? undefined : event.target.value, page: undefined })
                }
              >
                <option value="">All</option>
                {statuses.map(([value, label]) => (
                  <option key={value} value={value}>
                    {label}
                    {data?.counts[value] === undefined ? '' : ` (${count(data.counts[value])})`}
                  </option>
                ))}
              </select>
            </label>
            <label className="field">
              <span>Type</span>
              <select
                value={parameters.get('type') ?? 'changefeed'}
                onChange={(event) =>
                  setParameters({ type: event.target.value === 'changefeed' ? undefined : event.target.value })
                }
              >
                <option value="all">All</option>
                <option value="changefeed">Changefeed</option>
              </select>
            </label>
            <label className="field">
              <span>Show</span>
              <select
                value={isLatest ? '50' : 'all'}
                onChange={(event) =>
                  setParameters({ show: event.target.value === 'all' ? 'all' : undefined, page: undefined })
                }
              >
                <option value="50">Latest 50</option>
                <option value="all">All</option>
              </select>
            </label>
            <label className="field grow">
              <span>Search</span>
              <input
                type="search"
                value={search}
                placeholder="Description, job ID or user"
                onChange={(event) =>
                  setParameters({ text: event.target.value === '' ? undefined : event.target.value, page: undefined })
                }
              />
            </label>
            <Menu label="Columns">
              <div>
                {columns.map(({ name, label }) => (
                  <label key={name} className="check">
                    <input type="checkbox" checked={!hidden.has(name)} onChange={() => toggle(name)} />
                    {label}
                  </label>
                ))}
              </div>
            </Menu>
          </div>
          {data === undefined ? (
            <div className="card-body">{error === undefined ? <Loading what="jobs" /> : null}</div>
          ) : data.jobs.length === 0 ? (
            <None isFiltered={status !== '' || text !== ''} isBeyond={page > 0 && data.total > 0} />
          ) : (
            <div className="table-wrap">
              <table className="cards long">
                <thead>
                  <tr>
                    <th scope="col">Description</th>
                    {shown.map(({ name, label }) => (
                      <th key={name} scope="col">
                        {label}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {data.jobs.map((job) => (
                    <Row key={job.id} job={job} columns={shownNames} />
                  ))}
                </tbody>
              </table>
            </div>
          )}
          {data === undefined || data.jobs.length === 0 ? null : (
            <Pages data={data} total={total} page={page} size={size} />
          )}
        </section>
      </div>
    </>
  )
}

function None({ isFiltered, isBeyond }: { readonly isFiltered: boolean; readonly isBeyond: boolean }) {
  if (isBeyond)
    return (
      <div className="empty">
        <h2>There are fewer pages now</h2>
        <div className="row">
          <button type="button" className="button" onClick={() => setParameters({ page: undefined })}>
            To the first page
          </button>
        </div>
      </div>
    )
  return (
    <div className="empty">
      <h2>{isFiltered ? 'No job matches' : 'There are no jobs'}</h2>
      <p>{isFiltered ? 'Other filters may find some.' : 'CREATE CHANGEFEED … INTO makes one.'}</p>
      {isFiltered ? null : (
        <div className="row">
          <a className="button primary" href="#/create">
            Create changefeed
          </a>
        </div>
      )}
    </div>
  )
}

function Pages({
  data,
  total,
  page,
  size,
}: {
  readonly data: JobsAnswer
  readonly total: number
  readonly page: number
  readonly size: number
}) {
  const first = page * size + 1
  const last = Math.min(total, page * size + data.jobs.length)
  const oldest = Math.min(...data.jobs.map(({ createdMs }) => createdMs))
  const to = (n: number): void => setParameters({ page: n === 0 ? undefined : String(n + 1) }, false)
  return (
    <div className="pages">
      <span role="status">
        {first}–{last} of {plural(total, 'job')}
        {total < data.total ? ` (${count(data.total)} in all)` : ''}, since {dateTime(oldest)} (UTC)
      </span>
      <div className="row">
        <label className="row">
          <span>Per page</span>
          <select value={size} onChange={(event) => setParameters({ size: event.target.value, page: undefined })}>
            {sizes.map((n) => (
              <option key={n} value={n}>
                {n}
              </option>
            ))}
          </select>
        </label>
        <span className="turns">
          <button type="button" className="button" disabled={page === 0} onClick={() => to(page - 1)}>
            Previous
          </button>
          <button type="button" className="button" disabled={last >= total} onClick={() => to(page + 1)}>
            Next
          </button>
        </span>
      </div>
    </div>
  )
}
