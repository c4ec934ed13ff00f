import { lazy, Suspense, useState } from 'react'
import type { JobDetailAnswer } from '../../../src/server/api/answers.ts'
import { get, post } from '../api.ts'
import { ago, bytes, compact, count, duration } from '../format.ts'
import { lagTexts } from '../jobs/lag-texts.ts'
import { Scan } from '../ui/job-progress.tsx'
import {
  Confirm,
  CopyButton,
  Failure,
  HighWater,
  Hint,
  Loading,
  PageHead,
  Sql,
  StatusBadge,
  Time,
  Tip,
  type Question,
} from '../ui/parts.tsx'
import { usePoll } from '../use-poll.ts'

const JobGraphs = lazy(async () => ({ default: (await import('../graph/job-graphs.tsx')).JobGraphs }))

const questions: Readonly<Record<string, Omit<Question, 'run'> & { readonly button: string }>> = {
  pause: {
    button: 'Pause',
    title: 'Pause this job?',
    text: 'It emits nothing until it is resumed. What it has not emitted yet is kept in the changelog, which grows meanwhile.',
    action: 'Pause job',
  },
  resume: {
    button: 'Resume',
    title: 'Resume this job?',
    text: 'It continues from its high-water timestamp.',
    action: 'Resume job',
  },
  cancel: {
    button: 'Cancel',
    title: 'Cancel this job for good?',
    text: 'A canceled job cannot be resumed. A new changefeed can continue where it ended, with its high-water timestamp as cursor.',
    action: 'Cancel job',
    isDangerous: true,
  },
}

export function Job({ id }: { readonly id: string }) {
  const { data, error, refresh } = usePoll(
    `job ${id}`,
    (signal) => get<JobDetailAnswer>(`jobs/${id}`, {}, signal),
    2000,
  )
  const [asked, setAsked] = useState<string>()
  const question = asked === undefined ? undefined : questions[asked]
  return (
    <>
      <PageHead title={`Job ${id}`} crumbs={<a href="#/jobs">Jobs</a>}>
        {data?.verbs.map((verb) => (
          <button
            key={verb}
            type="button"
            className={`button ${verb === 'cancel' ? 'danger' : ''}`}
            onClick={() => setAsked(verb)}
          >
            {questions[verb]?.button}
          </button>
        ))}
        <a className="button" href={`#/tail/${id}`}>
          Live tail
        </a>
      </PageHead>
      <div className="stack">
        <Failure error={error} />
        {data === undefined ? error === undefined && <Loading what="the job" /> : <Content data={data} />}
      </div>
      {data === undefined ? null : (
        <Suspense>
          <h2 className="section">Graphs</h2>
          <JobGraphs id={id} />
        </Suspense>
      )}
      {question === undefined ? null : (
        <Confirm
          question={{
            ...question,
            run: async () => {
              await post(`jobs/${id}/${asked}`)
              refresh()
            },
          }}
          close={() => setAsked(undefined)}
        />
      )}
    </>
  )
}

function Content({ data }: { readonly data: JobDetailAnswer }) {
  const { job, nowMs } = data
  return (
    <>
      <Trouble data={data} />
      <section className="card" aria-labelledby="state">
        <div className="card-head">
          <h2 id="state">State</h2>
          <StatusBadge job={job} />
        </div>
        <div className="card-body stack">
          <Scan job={job} isShort={false} />
          <dl className="facts">
            <Fact name="High-water Timestamp">
              <HighWater value={job.highWater} />
            </Fact>
            <Fact name={<Tip text={lagTexts.emit}>Emit Lag</Tip>}>{duration(job.lagMs)}</Fact>
            <Fact name={<Tip text={lagTexts.checkpoint}>Checkpoint Lag</Tip>}>{duration(job.checkpointLagMs)}</Fact>
            <Fact name="Messages">
              {job.live === null ? '–' : `${count(job.live.messages)}, ${compact(job.live.messagesPerSecond)}/s`}
            </Fact>
            <Fact name="Emitted bytes">
              {job.live === null ? '–' : `${bytes(job.live.bytes)}, ${bytes(job.live.bytesPerSecond)}/s`}
            </Fact>
            <Fact name="Retained in the changelog">{bytes(data.retainedBytes)}</Fact>
            <Fact name="Running status">
              {job.phase === 'over' || job.problem !== null ? '–' : (job.runningStatus ?? '–')}
            </Fact>
            <Fact name="User Name">{job.user}</Fact>
            <Fact name="Creation Time (UTC)">
              <Time ms={job.createdMs} />
            </Fact>
            <Fact name="Started (UTC)">
              <Time ms={job.startedMs} />
            </Fact>
            <Fact name="Last Modified Time (UTC)">
              <Time ms={job.modifiedMs} /> <span className="muted">({ago(job.modifiedMs, nowMs)})</span>
            </Fact>
            <Fact name="Completed Time (UTC)">
              <Time ms={job.finishedMs} />
            </Fact>
          </dl>
        </div>
      </section>
      <section className="card" aria-labelledby="statement">
        <div className="card-head">
          <h2 id="statement">Statement</h2>
          <CopyButton text={job.description} what="the statement" />
        </div>
        <div className="card-body stack">
          <Sql text={job.description} />
          <dl className="facts">
            <Fact name="Database">{data.database ?? '–'}</Fact>
            <Fact name="Tables">{data.tables.join(', ')}</Fact>
            <Fact name="Format">{data.format ?? '–'}</Fact>
            <Fact name="Metrics label">{data.scope ?? 'default'}</Fact>
          </dl>
        </div>
      </section>
    </>
  )
}

function Trouble({ data: { job } }: { readonly data: JobDetailAnswer }) {
  const { problem, phase, status } = job
  if (problem === null) return null
  const title =
    phase === 'retrying'
      ? 'It tries again and again'
      : phase === 'waiting'
        ? 'It waits'
        : status === 'failed'
          ? 'It failed'
          : 'An error stopped it'
  return (
    <div className={`notice ${phase === 'waiting' ? 'warn' : 'bad'}`} role="alert">
      <strong>{title}</strong>
      <pre>{problem.error}</pre>
      <Hint text={problem.hint} />
    </div>
  )
}

function Fact({ name, children }: { readonly name: React.ReactNode; readonly children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
