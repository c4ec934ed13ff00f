// What the server says to the statement.

import type { CheckAnswer } from '../../../src/server/api/answers.ts'
import { Failure, Loading } from '../ui/parts.tsx'
import type { AnswerState } from '../use-answer.ts'

interface CheckedProps {
  readonly isComplete: boolean
  /** The statement is that of the present choice. */
  readonly isDrafted: boolean
  readonly check: AnswerState<CheckAnswer>
}

const tones: Readonly<Record<string, string>> = { ok: 'good', warning: 'warn', failure: 'bad' }

export function Checked({ isComplete, isDrafted, check: { answer, error, isBusy, again } }: CheckedProps) {
  if (!isComplete) return <p className="muted">Choose a table and a sink.</p>
  return (
    <div className="stack">
      <div className="row spread">
        <h3>What the server says about it</h3>
        <button type="button" className="button" disabled={isBusy} onClick={again}>
          {isBusy ? 'Checking …' : 'Check again'}
        </button>
      </div>
      {error !== undefined ? (
        <Failure error={error} />
      ) : answer === undefined ? (
        <Loading what="the check" />
      ) : (
        <Rows rows={answer.rows} isStale={isBusy || !isDrafted} />
      )}
    </div>
  )
}

function Rows({ rows, isStale }: { readonly rows: CheckAnswer['rows']; readonly isStale: boolean }) {
  const worth = rows.filter(({ status, subject }) => status !== 'ok' || subject === 'statement')
  const fine = rows.filter((row) => !worth.includes(row))
  return (
    <div className={isStale ? 'stale' : ''} role="status">
      <ul className="checks">
        {worth.map((row) => (
          <CheckRow key={`${row.subject} ${row.check} ${row.detail}`} row={row} />
        ))}
      </ul>
      {fine.length > 0 ? (
        <details>
          <summary className="muted">
            {fine.length === 1 ? '1 more check is fine' : `${fine.length} more checks are fine`}
          </summary>
          <ul className="checks">
            {fine.map((row) => (
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
          <div className="hint small">
            <span className="hint-word">What to do:</span> <code>{remedy}</code>
          </div>
        )}
      </div>
    </li>
  )
}
