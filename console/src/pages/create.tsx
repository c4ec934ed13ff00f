import { useMemo, useState } from 'react'
import type { CreatedAnswer, FormAnswer, TablesAnswer } from '../../../src/server/api/answers.ts'
import { get, post } from '../api.ts'
import { Checked } from '../create/checked.tsx'
import { Options } from '../create/options-field.tsx'
import { SinkField } from '../create/sink-field.tsx'
import { Tables } from '../create/tables-field.tsx'
import { statementOf, type ChosenOptions } from '../statement.ts'
import { useSession } from '../session.ts'
import { Confirm, CopyButton, Failure, Loading, PageHead, Sql } from '../ui/parts.tsx'
import { useCheck } from '../use-check.ts'
import { usePoll } from '../use-poll.ts'

const hourMs = 3_600_000

export function Create() {
  const session = useSession()
  const [database, setDatabase] = useState(session.database)
  const form = usePoll('form', (signal) => get<FormAnswer>('form', {}, signal), hourMs)
  const tables = usePoll(`tables ${database}`, (signal) => get<TablesAnswer>('tables', { database }, signal), hourMs)
  const [chosen, setChosen] = useState<readonly string[]>([])
  const [sink, setSink] = useState('')
  const [isHidden, setHidden] = useState(false)
  const [options, setOptions] = useState<ChosenOptions>({ updated: '', resolved: '' })
  const statement = useMemo(() => statementOf({ tables: chosen, sink, options }), [chosen, sink, options])
  const shown = isHidden && sink !== '' ? statementOf({ tables: chosen, sink: '(hidden)', options }) : statement
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
            <SinkField form={form.data} {...{ sink, setSink, isHidden, setHidden }} />
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
              <Sql text={shown} />
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
            text: `In database ${database}, as ${session.user}: ${shown.replaceAll('\n', ' ')}`,
            action: 'Run it',
            decline: 'Not now',
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
