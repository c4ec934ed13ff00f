// Small parts that several pages use.

import { useEffect, useId, useRef, useState, type ReactNode } from 'react'
import type { JobAnswer } from '../../../src/server/api/answers.ts'
import type { ApiError } from '../api.ts'
import { dateTime, momentText, systemTime } from '../format.ts'
import { Icon } from './icon.tsx'

export function PageHead({
  title,
  crumbs,
  about,
  children,
}: {
  readonly title: string
  readonly crumbs?: ReactNode
  readonly about?: ReactNode
  readonly children?: ReactNode
}) {
  useEffect(() => {
    document.title = `${title} · pg-changefeed`
  }, [title])
  return (
    <div className="page-head">
      <div>
        {crumbs === undefined ? null : <div className="crumbs">{crumbs}</div>}
        <h1>{title}</h1>
        {about === undefined ? null : <p>{about}</p>}
      </div>
      {children === undefined ? null : <div className="row">{children}</div>}
    </div>
  )
}

/** What the server has refused. That it does not answer at all is said at the head of the page. */
export function Failure({ error }: { readonly error: ApiError | undefined }) {
  if (error === undefined || error.isUnreachable) return null
  const { hint, detail } = error.answer
  return (
    <div className="notice bad" role="alert">
      <strong className="wrap">{error.message}</strong>
      {detail === undefined ? null : <div className="wrap">{detail}</div>}
      <Hint text={hint} />
    </div>
  )
}

/** What to do about an error, apart from the error. */
export function Hint({ text }: { readonly text: string | undefined }) {
  if (text === undefined) return null
  return (
    <div className="hint wrap">
      <span className="hint-word">What to do:</span> {text}
    </div>
  )
}

export function Loading({ what }: { readonly what: string }) {
  return (
    <p className="muted" role="status">
      Loading {what} …
    </p>
  )
}

const tones: Readonly<Record<string, string>> = {
  running: 'good',
  succeeded: 'good',
  failed: 'bad',
  retrying: 'bad',
  paused: 'warn',
  waiting: 'warn',
  'pause-requested': 'warn',
  'cancel-requested': 'warn',
  pending: '',
}

export function StatusBadge({ job }: { readonly job: Pick<JobAnswer, 'status' | 'phase'> }) {
  const word = job.status === 'running' && job.phase === 'retrying' ? 'retrying' : job.status
  return <span className={`badge ${tones[word] ?? ''}`}>{word}</span>
}

/** Text with an explanation that appears when it is pointed at, or when the keyboard comes to it. */
export function Tip({ children, text }: { readonly children: ReactNode; readonly text: string }) {
  const id = useId()
  return (
    <span className="tip" tabIndex={0} aria-describedby={id}>
      {children}
      <span role="tooltip" id={id}>
        {text}
      </span>
    </span>
  )
}

export function HighWater({ value }: { readonly value: string | null }) {
  if (value === null) return <span className="muted">none yet</span>
  const [whole, rest] = [value.slice(0, value.indexOf('.') + 1), value.slice(value.indexOf('.') + 1)]
  return (
    <Tip text={systemTime(value)}>
      <span className="mono num">
        {whole}
        {/* In a narrow column the line breaks here. */}
        <wbr />
        {rest}
      </span>
    </Tip>
  )
}

export function Time({ ms }: { readonly ms: number | null }) {
  if (ms === null) return <span className="muted">–</span>
  return (
    <time className="num" dateTime={new Date(ms).toISOString()} title={`${momentText(ms)} (UTC)`}>
      {dateTime(ms)}
    </time>
  )
}

export function CopyButton({
  text,
  what,
  label = 'Copy',
}: {
  readonly text: string
  readonly what: string
  readonly label?: string
}) {
  const [said, setSaid] = useState('')
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text)
      setSaid('Copied')
    } catch {
      setSaid('Not copied')
    }
    setTimeout(() => setSaid(''), 2000)
  }
  return (
    <button type="button" className="button plain" onClick={() => void copy()} aria-label={`${label} ${what}`}>
      <Icon name="copy" size={16} />
      <span aria-live="polite">{said === '' ? label : said}</span>
    </button>
  )
}

export interface Question {
  readonly title: string
  readonly text: string
  readonly more?: ReactNode
  readonly action: string
  /** The other button, if nothing is there yet that could be kept. */
  readonly decline?: string
  readonly isDangerous?: boolean
  readonly run: () => Promise<void>
}

/** Asks before something is done. Escape and a click beside it mean no. The focus goes back to where it was. */
export function Confirm({ question, close }: { readonly question: Question; readonly close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [error, setError] = useState<ApiError>()
  const [isBusy, setBusy] = useState(false)
  const id = useId()
  useEffect(() => dialog.current?.showModal(), [])
  const leave = (): void => dialog.current?.close()
  const run = async (): Promise<void> => {
    setBusy(true)
    try {
      await question.run()
      leave()
    } catch (failure) {
      setError(failure as ApiError)
      setBusy(false)
    }
  }
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onClose={close}
      onClick={(event) => event.target === dialog.current && leave()}
    >
      <h2 id={id}>{question.title}</h2>
      <p>{question.text}</p>
      {question.more}
      {error === undefined ? null : <Failure error={error} />}
      <div className="row">
        <button type="button" className="button" onClick={leave}>
          {question.decline ?? 'Keep it as it is'}
        </button>
        <button
          type="button"
          className={`button primary ${question.isDangerous === true ? 'danger' : ''}`}
          disabled={isBusy}
          onClick={() => void run()}
        >
          {question.action}
        </button>
      </div>
    </dialog>
  )
}

export function Progress({ fraction, label }: { readonly fraction: number; readonly label: string }) {
  const percent = Math.max(0, Math.min(100, fraction * 100))
  return (
    <div
      className="bar"
      role="progressbar"
      aria-label={label}
      aria-valuenow={Math.round(percent)}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <div style={{ width: `${percent}%` }} />
    </div>
  )
}

const keywords =
  /('(?:[^']|'')*')|\b(CREATE|EXPERIMENTAL|CHANGEFEED|FOR|TABLE|INTO|WITH|OPTIONS|FAMILY|DATABASE|AS|SELECT|FROM|WHERE)\b/g

/** A statement with its words and texts in colours. */
export function Sql({ text }: { readonly text: string }) {
  const parts: ReactNode[] = []
  let at = 0
  for (const match of text.matchAll(keywords)) {
    parts.push(text.slice(at, match.index))
    parts.push(
      <span key={match.index} className={match[1] === undefined ? 'kw' : 'str'}>
        {match[0]}
      </span>,
    )
    at = match.index + match[0].length
  }
  parts.push(text.slice(at))
  return <pre className="sql">{parts}</pre>
}
