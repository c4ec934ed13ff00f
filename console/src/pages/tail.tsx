import { useCallback, useEffect, useRef, useState } from 'react'
import type { JobDetailAnswer, JobsAnswer, TailLine } from '../../../src/server/api/answers.ts'
import { get, openLines, type ApiError } from '../api.ts'
import { clock, msOfTimestamp, plural, systemTime } from '../format.ts'
import { Failure, Loading, PageHead, StatusBadge, Tip } from '../ui/parts.tsx'
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
          <ul className="card attention">
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

/** Older lines are forgotten. */
const keptLines = 500

interface Line {
  readonly number: number
  readonly atMs: number
  readonly line: TailLine
}

type Phase = 'connecting' | 'flowing' | 'paused' | 'ended'

function TailOf({ id }: { readonly id: string }) {
  const { data, error } = usePoll(`job ${id}`, (signal) => get<JobDetailAnswer>(`jobs/${id}`, {}, signal), 30_000)
  const [hasScan, setScan] = useState(false)
  const [search, setSearch] = useState('')
  const [hasResolved, setResolved] = useState(true)
  const [turn, setTurn] = useState(0)
  const { lines, phase, failure, resolved, count, pause, clear } = useTail(id, hasScan, turn)
  const shown = lines.filter(({ line }) => isShown(line, search, hasResolved))
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
            disabled={phase === 'connecting'}
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
        <section className="card" aria-label="Messages">
          <div className="toolbar">
            <label className="field grow">
              <span>Search in key and value</span>
              <input type="search" value={search} onChange={(event) => setSearch(event.target.value)} />
            </label>
            <label className="check">
              <input type="checkbox" checked={hasResolved} onChange={(event) => setResolved(event.target.checked)} />
              Resolved
            </label>
            <label className="check">
              <input type="checkbox" checked={hasScan} onChange={(event) => setScan(event.target.checked)} />
              Begin with all rows
            </label>
            <span className={`badge ${phase === 'flowing' ? 'good' : phase === 'ended' ? 'bad' : 'warn'}`}>
              {phase}
            </span>
            <span className="muted num">
              {plural(count, 'message')}
              {resolved === undefined ? '' : `, resolved ${clock(msOfTimestamp(resolved))}`}
            </span>
          </div>
          <ul className="tail" tabIndex={0} aria-label="Messages, the newest first">
            {shown.length === 0 ? (
              <li className="resolved">
                <span />
                <span />
                <span>{phase === 'connecting' ? 'Connecting …' : 'Waiting for changes of these tables …'}</span>
              </li>
            ) : (
              shown.map((line) => <Message key={line.number} {...line} />)
            )}
          </ul>
        </section>
      </div>
    </>
  )
}

function Message({ atMs, line }: Line) {
  if (line.tag === 'notice') return <li className="notice-line">{line.text}</li>
  if (line.tag === 'end') return <li className="notice-line">{line.error ?? 'The changefeed has ended.'}</li>
  if (line.tag === 'resolved')
    return (
      <li className="resolved">
        <span className="num">{clock(atMs)}</span>
        <span>resolved</span>
        <span>
          <Tip text={systemTime(line.at)}>{line.at}</Tip>
        </span>
      </li>
    )
  const { after, updated } = readValue(line.value)
  return (
    <li>
      <span className="num">
        {updated === undefined ? clock(atMs) : <Tip text={`updated ${updated}`}>{clock(msOfTimestamp(updated))}</Tip>}
      </span>
      <span className="wrap">
        <strong>{line.table}</strong> {line.key}
      </span>
      <span className={`value ${after === null ? 'removed' : ''}`}>
        {line.value ?? 'no value'}
        {line.cut === undefined ? '' : ` … and ${line.cut} characters more`}
      </span>
    </li>
  )
}

function readValue(text: string | null): { readonly after?: unknown; readonly updated?: string } {
  try {
    const value = JSON.parse(text ?? '{}') as { after?: unknown; updated?: unknown }
    return { after: value.after, ...(typeof value.updated === 'string' ? { updated: value.updated } : {}) }
  } catch {
    return {}
  }
}

function isShown(line: TailLine, search: string, hasResolved: boolean): boolean {
  if (line.tag === 'resolved') return hasResolved && search === ''
  if (line.tag !== 'message' || search === '') return true
  return `${line.key} ${line.value ?? ''}`.toLowerCase().includes(search.toLowerCase())
}

function useTail(id: string, hasScan: boolean, turn: number) {
  const [lines, setLines] = useState<readonly Line[]>([])
  const [phase, setPhase] = useState<Phase>('connecting')
  const [failure, setFailure] = useState<ApiError>()
  const [resolved, setResolved] = useState<string>()
  const [count, setCount] = useState(0)
  /** Settles when the tail may go on: while it does not, nothing is read, and the server waits. */
  const gate = useRef<PromiseWithResolvers<void>>(undefined)
  useEffect(() => {
    const abort = new AbortController()
    setPhase('connecting')
    setFailure(undefined)
    setLines([])
    setCount(0)
    const take = (batch: readonly TailLine[]): void => {
      const atMs = Date.now()
      setCount((n) => n + batch.filter(({ tag }) => tag === 'message').length)
      const last = batch.findLast((line) => line.tag === 'resolved')
      if (last?.tag === 'resolved') setResolved(last.at)
      setLines((before) => {
        const first = (before[0]?.number ?? 0) + 1
        const fresh = batch.map((line, i) => ({ number: first + i, atMs, line })).toReversed()
        return [...fresh, ...before].slice(0, keptLines)
      })
    }
    follow({
      id,
      hasScan,
      signal: abort.signal,
      take,
      begun: () => setPhase('flowing'),
      gate: () => gate.current?.promise,
    }).then(
      () => setPhase('ended'),
      (error: ApiError) => {
        if (abort.signal.aborted) return
        setFailure(error)
        setPhase('ended')
      },
    )
    return () => {
      abort.abort()
      gate.current?.resolve()
      gate.current = undefined
    }
  }, [id, hasScan, turn])
  const pause = useCallback((isPaused: boolean) => {
    if (isPaused) gate.current = Promise.withResolvers()
    else {
      gate.current?.resolve()
      gate.current = undefined
    }
    setPhase(isPaused ? 'paused' : 'flowing')
  }, [])
  const clear = useCallback(() => {
    setLines([])
    setCount(0)
  }, [])
  return { lines, phase, failure, resolved, count, pause, clear }
}

interface FollowOptions {
  readonly id: string
  readonly hasScan: boolean
  readonly signal: AbortSignal
  readonly take: (lines: readonly TailLine[]) => void
  readonly begun: () => void
  readonly gate: () => Promise<void> | undefined
}

async function follow({ id, hasScan, signal, take, begun, gate }: FollowOptions): Promise<void> {
  const stream = await openLines(`jobs/${id}/messages`, { scan: hasScan ? 'yes' : undefined }, signal)
  begun()
  const reader = stream.getReader()
  let rest = ''
  for (;;) {
    await gate()
    const { done, value } = await reader.read()
    if (done) return
    const texts = (rest + value).split('\n')
    rest = texts.pop() ?? ''
    const batch = texts.filter((text) => text !== '').map((text) => JSON.parse(text) as TailLine)
    if (batch.length > 0) take(batch)
  }
}
