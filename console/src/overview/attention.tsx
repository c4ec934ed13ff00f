// What needs attention, the worst first.

import type { AttentionAnswer } from '../../../src/server/api/answers.ts'
import { plural } from '../format.ts'
import { Hint } from '../ui/parts.tsx'
import { Icon } from '../ui/icon.tsx'

export function Attention({
  lines,
  isEmpty,
}: {
  readonly lines: readonly AttentionAnswer[]
  readonly isEmpty: boolean
}) {
  if (isEmpty && lines.length === 0) return null
  return (
    <section className="card" aria-labelledby="attention">
      {lines.length === 0 ? (
        <div className="all-well">
          <Icon name="good" size={24} />
          <div>
            <h2 id="attention">All is well</h2>
            <p className="muted">Every source is read, and no changefeed that you may see stands still.</p>
          </div>
        </div>
      ) : (
        <>
          <div className="card-head">
            <h2 id="attention">Needs attention</h2>
            <span className="muted">
              {lines.length === 1 ? '1 thing' : `${plural(lines.length, 'thing')}, the worst first`}
            </span>
          </div>
          <ul className="attention">
            {lines.map((line) => (
              <li key={`${line.title} ${line.detail}`}>
                <span className={`mark ${line.severity}`} title={line.severity} />
                <div>
                  <h3>
                    {line.title} <span className="visually-hidden">({line.severity})</span>
                  </h3>
                  <p className="wrap">{line.detail}</p>
                  <Hint text={line.hint} />
                </div>
                {line.job === undefined ? <span /> : <a href={`#/jobs/${line.job}`}>To the job</a>}
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  )
}
