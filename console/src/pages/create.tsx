import { useState } from 'react'
import type {
  CheckAnswer,
  CreatedAnswer,
  DraftAnswer,
  FormAnswer,
  TablesAnswer,
} from '../../../src/server/api/answers.ts'
import { get, post } from '../api.ts'
import { Checked } from '../create/checked.tsx'
import type { ChosenOptions } from '../create/chosen-options.ts'
import { Created } from '../create/created.tsx'
import { Options } from '../create/options-field.tsx'
import { SinkField } from '../create/sink-field.tsx'
import { Statement } from '../create/statement.tsx'
import { Tables } from '../create/tables-field.tsx'
import { useSession } from '../session.ts'
import { Confirm, Failure, Loading, PageHead, Sql } from '../ui/parts.tsx'
import { useAnswer } from '../use-answer.ts'
import { usePoll } from '../use-poll.ts'
import { useReturn } from '../use-return.ts'

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
  const draft = useAnswer<DraftAnswer>('form', { database, tables: chosen, sink, options }, 250)
  const isComplete = chosen.length > 0 && sink !== ''
  const isDrafted = !draft.isBusy && draft.error === undefined && draft.answer !== undefined
  const statement = draft.answer?.statement ?? ''
  // While the statement is written anew, the check of the former one stays in sight.
  const check = useAnswer<CheckAnswer>(
    'changefeeds/check',
    isComplete && isDrafted ? { database, statement } : undefined,
    150,
  )
  // What was wrong may have been cured elsewhere: somebody who comes back to the page sees how it stands now.
  useReturn(() => {
    tables.refresh()
    if (form.error !== undefined) form.refresh()
    if (isComplete) check.again()
  })
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
                {form.data === undefined ? null : (
                  <Options form={form.data} fits={draft.answer?.options ?? []} options={options} change={setOptions} />
                )}
              </div>
            </section>
          </div>
          <section className="card sticky" aria-labelledby="result">
            <Statement draft={draft} isHidden={isHidden} />
            <div className="card-body stack">
              <Checked isComplete={isComplete} isDrafted={isDrafted} check={check} />
              <button
                type="button"
                className="button primary"
                disabled={!isComplete || !isDrafted || isRefused || check.isBusy}
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
            text: `In database ${database}, as ${session.user}:`,
            more: <Sql text={draft.answer?.shown ?? ''} />,
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
