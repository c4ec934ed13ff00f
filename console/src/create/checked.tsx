// What the server says to the statement.

import type { CheckAnswer } from '../../../src/server/api/answers.ts'
import { Failure, Loading } from '../ui/parts.tsx'
import type { CheckState } from '../use-check.ts'

interface CheckedProps {
  readonly isComplete: boolean
  readonly check: CheckState
}

const tones: Readonly<Record<string, string>> = { ok: 'good', warning: 'warn', failure: 'bad' }

export function Checked({ isComplete, check: { answer, error, isBusy } }: CheckedProps) {
  if (!isComplete) return <p className="muted">Choose a table and a sink.</p>
  if (error !== undefined) return <Failure error={error} />
  if (answer === undefined) return <Loading what="the check" />
  const { rows } = answer
  const worth = rows.filter(({ status, subject }) => status !== 'ok' || subject === 'statement')
  const fine = rows.length - worth.length
  return (
    <div className={isBusy ? 'stale' : ''} role="status">
      <h3>What the server says about it</h3>
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
