import { useState } from 'react'
import type { JobDetailAnswer, JobsAnswer } from '../../../src/server/api/answers.ts'
import { get } from '../api.ts'
import { clock, plural } from '../format.ts'
import { isShown, Message } from '../tail/message.tsx'
import { Resolved } from '../tail/resolved.tsx'
import { useTail, type Phase } from '../tail/use-tail.ts'
import { Failure, Loading, PageHead, StatusBadge } from '../ui/parts.tsx'
import { usePoll } from '../use-poll.ts'

export function Tail({ id }: { readonly id: string | undefined }) {
  return id === undefined ? <Choose /> : <TailOf id={id} />
}

function Choose() {
  const { data, error } = usePoll('tail jobs', (signal) =>
    get<JobsAnswer>('jobs', { status: ['running', 'paused'], limit: 100 }, signal),
  )
  return (
    <>
      <PageHead
        title="Live tail"
        about="The messages of a changefeed's tables as they flow, for whoever may read the tables."
      />
      <div className="stack">
        <Failure error={error} />
        {data === undefined ? (
          error === undefined && <Loading what="changefeeds" />
        ) : data.jobs.length === 0 ? (
          <section className="card empty">
            <h2>There is no changefeed to follow</h2>
            <p>Create one first.</p>
            <div className="row">
              <a className="button primary" href="#/create">
                Create changefeed
              </a>
            </div>
          </section>
        ) : (
          <ul className="card attention choices">
            {data.jobs.map((job) => (
              <li key={job.id}>
                <StatusBadge job={job} />
                <a className="wrap" href={`#/tail/${job.id}`}>
                  {job.description}
                </a>
                <span className="muted mono">{job.id}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </>
  )
}

function TailOf({ id }: { readonly id: string }) {
  const { data, error } = usePoll(`job ${id}`, (signal) => get<JobDetailAnswer>(`jobs/${id}`, {}, signal), 30_000)
  const [hasScan, setScan] = useState(false)
  const [search, setSearch] = useState('')
  const [turn, setTurn] = useState(0)
  const { kept, phase, silentSince, failure, pause, clear } = useTail(id, hasScan, turn)
  const shown = kept.lines.filter(({ line }) => isShown(line, search))
  return (
    <>
      <PageHead
        title="Live tail"
        crumbs={
          <>
            <a href="#/tail">Live tail</a> / <a href={`#/jobs/${id}`}>Job {id}</a>
          </>
        }
        about={
          data === undefined
            ? undefined
            : `Tables ${data.tables.join(', ')} of database ${data.database ?? ''}, read under your own role.`
        }
      >
        {phase === 'ended' ? (
          <button type="button" className="button" onClick={() => setTurn(turn + 1)}>
            Begin again
          </button>
        ) : (
          <button
            type="button"
            className="button"
            disabled={phase === 'connecting' || phase === 'reconnecting'}
            onClick={() => pause(phase === 'flowing')}
          >
            {phase === 'paused' ? 'Go on' : 'Pause'}
          </button>
        )}
        <button type="button" className="button" onClick={clear}>
          Clear
        </button>
      </PageHead>
      <div className="stack">
        <Failure error={error ?? failure} />
        {silentSince === undefined ? null : (
          <div className="notice warn" role="status">
            <strong>Nothing has come since {clock(silentSince).slice(0, 8)} (UTC), not even a resolved message.</strong>
            <div className="hint">
              The server may be unable to read changes now, or tables are read again after a schema change. The{' '}
              <a href="#/overview">overview</a> says what is wrong, if something is. The live tail goes on by itself.
            </div>
          </div>
        )}
        <section className="card" aria-label="Messages">
          <div className="toolbar">
            <label className="field grow">
              <span>Search in key and value</span>
              <input type="search" value={search} onChange={(event) => setSearch(event.target.value)} />
            </label>
            <label className="check">
              <input type="checkbox" checked={hasScan} onChange={(event) => setScan(event.target.checked)} />
              Begin with all rows
            </label>
            <span className={`badge ${silentSince === undefined ? tones[phase] : 'warn'}`}>
              {silentSince === undefined ? phase : 'silent'}
            </span>
            <span className="muted num">{plural(kept.messages, 'message')}</span>
          </div>
          <Resolved lines={kept.resolved} />
          <ul className="tail" tabIndex={0} aria-label="Messages, the newest first">
            {shown.length === 0 ? (
              <li className="none">{whyNone(phase, kept.lines.length)}</li>
            ) : (
              shown.map((line) => <Message key={line.number} {...line} />)
            )}
          </ul>
        </section>
      </div>
    </>
  )
}

const tones: Readonly<Record<Phase, string>> = {
  connecting: 'warn',
  flowing: 'good',
  paused: 'warn',
  reconnecting: 'warn',
  ended: 'bad',
}

function whyNone(phase: Phase, kept: number): string {
  if (phase === 'connecting') return 'Connecting …'
  if (kept > 0) return 'No message matches.'
  if (phase === 'ended') return 'The live tail has ended.'
  return 'Waiting for changes of these tables …'
}
