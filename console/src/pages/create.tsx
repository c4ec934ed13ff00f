import { useId, useMemo, useState } from 'react'
import type {
  CheckAnswer,
  CreatedAnswer,
  FormAnswer,
  OptionAnswer,
  TablesAnswer,
} from '../../../src/server/api/answers.ts'
import { ApiError, get, post } from '../api.ts'
import { statementOf, type ChosenOptions } from '../statement.ts'
import { useSession } from '../session.ts'
import { Confirm, CopyButton, Failure, Loading, PageHead, Sql } from '../ui/parts.tsx'
import { useCheck } from '../use-check.ts'
import { usePoll } from '../use-poll.ts'

const hourMs = 3_600_000
/** Shown before the others. */
const usual = [
  'updated',
  'resolved',
  'diff',
  'format',
  'envelope',
  'initial_scan',
  'min_checkpoint_frequency',
  'metrics_label',
]

export function Create() {
  const session = useSession()
  const [database, setDatabase] = useState(session.database)
  const form = usePoll('form', (signal) => get<FormAnswer>('form', {}, signal), hourMs)
  const tables = usePoll(`tables ${database}`, (signal) => get<TablesAnswer>('tables', { database }, signal), hourMs)
  const [chosen, setChosen] = useState<readonly string[]>([])
  const [sink, setSink] = useState('')
  const [options, setOptions] = useState<ChosenOptions>({ updated: '', resolved: '' })
  const statement = useMemo(() => statementOf({ tables: chosen, sink, options }), [chosen, sink, options])
  const isComplete = chosen.length > 0 && sink !== ''
  const check = useCheck(isComplete ? { database, statement } : undefined)
  const [isAsking, setAsking] = useState(false)
  const [created, setCreated] = useState<CreatedAnswer>()
  const isRefused = check.error !== undefined || check.answer?.rows.some(({ status }) => status === 'failure') === true
  if (created !== undefined) return <Created created={created} again={() => setCreated(undefined)} />
  return (
    <>
      <PageHead
        title="Create changefeed"
        about="The form writes a statement, checks it as the server would, and shows it before anything runs."
      />
      <div className="stack">
        <Failure error={form.error ?? tables.error} />
        <div className="columns">
          <div className="stack">
            <section className="card" aria-labelledby="tables">
              <div className="card-head">
                <h2 id="tables">1. Tables</h2>
                <label className="row">
                  <span>Database</span>
                  <select
                    value={database}
                    onChange={(event) => {
                      setDatabase(event.target.value)
                      setChosen([])
                    }}
                  >
                    {[...new Set([database, ...(tables.data?.databases ?? [])])].map((name) => (
                      <option key={name}>{name}</option>
                    ))}
                  </select>
                </label>
              </div>
              <div className="card-body">
                {tables.data === undefined ? (
                  tables.error === undefined && <Loading what="tables" />
                ) : (
                  <Tables tables={tables.data} chosen={chosen} choose={setChosen} />
                )}
              </div>
            </section>
            <SinkField form={form.data} sink={sink} setSink={setSink} />
            <section className="card" aria-labelledby="options">
              <div className="card-head">
                <h2 id="options">3. Options</h2>
              </div>
              <div className="card-body">
                {form.data === undefined ? null : <Options form={form.data} options={options} change={setOptions} />}
              </div>
            </section>
          </div>
          <section className="card sticky" aria-labelledby="result">
            <div className="card-head">
              <h2 id="result">4. Statement</h2>
              <CopyButton text={statement} what="the statement" />
            </div>
            <div className="card-body stack">
              <Sql text={statement} />
              <Checked isComplete={isComplete} check={check} />
              <button
                type="button"
                className="button primary"
                disabled={!isComplete || isRefused || check.isBusy}
                onClick={() => setAsking(true)}
              >
                Create changefeed
              </button>
            </div>
          </section>
        </div>
      </div>
      {isAsking ? (
        <Confirm
          question={{
            title: 'Run this statement?',
            text: `In database ${database}, as ${session.user}: ${statement.replaceAll('\n', ' ')}`,
            action: 'Run it',
            run: async () => setCreated(await post<CreatedAnswer>('changefeeds', { database, statement })),
          }}
          close={() => setAsking(false)}
        />
      ) : null}
    </>
  )
}

function Created({ created, again }: { readonly created: CreatedAnswer; readonly again: () => void }) {
  return (
    <>
      <PageHead title="Changefeed created" />
      <div className="stack">
        <div className="notice good" role="status">
          <strong>Job {created.job} runs.</strong>
          {created.notices.map((notice) => (
            <div key={notice} className="hint wrap">
              {notice}
            </div>
          ))}
        </div>
        <div className="row">
          <a className="button primary" href={`#/jobs/${created.job}`}>
            To the job
          </a>
          <a className="button" href={`#/tail/${created.job}`}>
            Live tail
          </a>
          <button type="button" className="button" onClick={again}>
            Create another one
          </button>
        </div>
      </div>
    </>
  )
}

interface TablesProps {
  readonly tables: TablesAnswer
  readonly chosen: readonly string[]
  readonly choose: (names: readonly string[]) => void
}

function Tables({ tables, chosen, choose }: TablesProps) {
  const [search, setSearch] = useState('')
  const names = tables.tables.map(({ schema, name, maySelect }) => ({ maySelect, text: nameOf(schema, name) }))
  const shown = names.filter(({ text }) => text.toLowerCase().includes(search.toLowerCase()))
  if (names.length === 0) return <p className="muted">There is no table in this database.</p>
  return (
    <fieldset>
      <legend className="visually-hidden">Tables whose changes are emitted</legend>
      <div className="stack">
        <input
          type="search"
          value={search}
          placeholder="Search tables"
          aria-label="Search tables"
          onChange={(event) => setSearch(event.target.value)}
        />
        <div className="pick" tabIndex={-1}>
          {shown.map(({ text, maySelect }) => (
            <label key={text} className="check">
              <input
                type="checkbox"
                checked={chosen.includes(text)}
                disabled={!maySelect}
                onChange={(event) =>
                  choose(event.target.checked ? [...chosen, text] : chosen.filter((one) => one !== text))
                }
              />
              <span>
                {text}
                {maySelect ? '' : <span className="muted"> (no right to read it)</span>}
              </span>
            </label>
          ))}
          {shown.length === 0 ? <p className="muted empty">No table matches.</p> : null}
        </div>
      </div>
    </fieldset>
  )
}

function nameOf(schema: string, name: string): string {
  const quoted = (text: string): string => (/^[a-z_][a-z0-9_]*$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`)
  return schema === 'public' ? quoted(name) : `${quoted(schema)}.${quoted(name)}`
}

interface SinkProps {
  readonly form: FormAnswer | undefined
  readonly sink: string
  readonly setSink: (sink: string) => void
}

function SinkField({ form, sink, setSink }: SinkProps) {
  const [isShown, setShown] = useState(true)
  return (
    <section className="card" aria-labelledby="sink">
      <div className="card-head">
        <h2 id="sink">2. Sink</h2>
        <label className="check">
          <input type="checkbox" checked={!isShown} onChange={(event) => setShown(!event.target.checked)} />
          Hide the URI
        </label>
      </div>
      <div className="card-body stack">
        <label className="field">
          <span>URI</span>
          <input
            type={isShown ? 'text' : 'password'}
            value={sink}
            placeholder="kafka://localhost:9092"
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => setSink(event.target.value.trim())}
          />
        </label>
        <div className="row" role="group" aria-label="Examples of URIs">
          {form?.sinks.map(({ label, schemes, example }) => (
            <button key={label} type="button" className="button" onClick={() => setSink(example ?? `${schemes[0]}://`)}>
              {label}
            </button>
          ))}
        </div>
        <p className="muted small">
          Nothing connects to it before the statement runs. Credentials in it are shown to nobody afterwards.
        </p>
      </div>
    </section>
  )
}

interface OptionsProps {
  readonly form: FormAnswer
  readonly options: ChosenOptions
  readonly change: (options: ChosenOptions) => void
}

function Options({ form, options, change }: OptionsProps) {
  const place = ({ name }: OptionAnswer): number => (usual.includes(name) ? usual.indexOf(name) : usual.length)
  const sorted = form.options.toSorted((a, b) => place(a) - place(b))
  const [first, rest] = [
    sorted.filter(({ name }) => usual.includes(name)),
    sorted.filter(({ name }) => !usual.includes(name)),
  ]
  const row = (option: OptionAnswer) => (
    <Option
      key={option.name}
      option={option}
      value={options[option.name]}
      change={(value) => {
        const { [option.name]: _, ...others } = options
        change(value === undefined ? others : { ...options, [option.name]: value })
      }}
    />
  )
  return (
    <>
      {first.map(row)}
      <details>
        <summary className="option">All options</summary>
        {rest.map(row)}
      </details>
    </>
  )
}

interface OptionProps {
  readonly option: OptionAnswer
  /** Undefined: the option is not given. */
  readonly value: string | undefined
  readonly change: (value: string | undefined) => void
}

function Option({ option, value, change }: OptionProps) {
  const id = useId()
  const { name, takesValue, values, isSecret, about } = option
  const isOn = value !== undefined
  return (
    <div className="option">
      <label className="check">
        <input
          type="checkbox"
          checked={isOn}
          aria-describedby={id}
          onChange={(event) =>
            change(event.target.checked ? (takesValue === 'yes' ? (values[0] ?? '') : '') : undefined)
          }
        />
        <span>
          <strong className="mono">{name}</strong>
          <span className="muted small" id={id}>
            {' '}
            {plain(about)}
          </span>
        </span>
      </label>
      {isOn && takesValue !== 'no' ? (
        <label className="field">
          <span className="visually-hidden">Value of {name}</span>
          {values.length > 0 && option.kind === 'enum' ? (
            <select value={value} onChange={(event) => change(event.target.value)}>
              {takesValue === 'optional' ? <option value="">(no value)</option> : null}
              {values.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          ) : (
            <input
              type={isSecret ? 'password' : 'text'}
              value={value}
              placeholder={placeholders[option.kind] ?? ''}
              autoComplete="off"
              onChange={(event) => change(event.target.value)}
            />
          )}
        </label>
      ) : null}
    </div>
  )
}

const placeholders: Readonly<Record<string, string>> = {
  duration: '10s',
  timestamp: '2024-05-01 12:00:00',
  json: '{"name": "value"}',
}

/** Without the marks of Markdown. */
function plain(text: string): string {
  return text.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '')
}

interface CheckedProps {
  readonly isComplete: boolean
  readonly check: ReturnType<typeof useCheck>
}

const tones: Readonly<Record<string, string>> = { ok: 'good', warning: 'warn', failure: 'bad' }

function Checked({ isComplete, check: { answer, error, isBusy } }: CheckedProps) {
  if (!isComplete) return <p className="muted">Choose a table and a sink.</p>
  if (error instanceof ApiError) return <Failure error={error} />
  if (answer === undefined) return <Loading what="the check" />
  const { rows } = answer
  const worth = rows.filter(({ status, subject }) => status !== 'ok' || subject === 'statement')
  const fine = rows.length - worth.length
  return (
    <div className={isBusy ? 'stale' : ''} role="status">
      <h3>What the server says to it</h3>
      <ul className="checks">
        {worth.map((row) => (
          <CheckRow key={`${row.subject} ${row.check} ${row.detail}`} row={row} />
        ))}
      </ul>
      {fine > 0 ? (
        <details>
          <summary className="muted">{fine} more checks are fine</summary>
          <ul className="checks">
            {rows
              .filter((row) => !worth.includes(row))
              .map((row) => (
                <CheckRow key={`${row.subject} ${row.check} ${row.detail}`} row={row} />
              ))}
          </ul>
        </details>
      ) : null}
    </div>
  )
}

function CheckRow({ row: { subject, check, status, detail, remedy } }: { readonly row: CheckAnswer['rows'][number] }) {
  return (
    <li>
      <span className={`badge ${tones[status] ?? ''}`}>{status}</span>
      <div className="wrap">
        <span className="muted">
          {subject}, {check}:
        </span>{' '}
        {detail}
        {remedy === null ? null : (
          <div className="small">
            What to do: <code>{remedy}</code>
          </div>
        )}
      </div>
    </li>
  )
}
