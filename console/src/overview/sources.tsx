// The databases that are read, each with its slot and its changelog.

import type { SourceAnswer } from '../../../src/server/api/answers.ts'
import { bytes, compact, duration } from '../format.ts'
import { Hint, Tip } from '../ui/parts.tsx'

export function Sources({ sources }: { readonly sources: readonly SourceAnswer[] }) {
  if (sources.length === 0) return null
  return (
    <section className="card" aria-labelledby="sources">
      <div className="card-head">
        <h2 id="sources">Sources</h2>
        <span className="muted">databases whose changes are read</span>
      </div>
      <div className="table-wrap">
        <table className="cards">
          <thead>
            <tr>
              <th scope="col">Database</th>
              <th scope="col">Reading</th>
              <th scope="col" className="right">
                <Tip text="Write-ahead log of PostgreSQL that is not durable in the changelog yet.">Slot lag</Tip>
              </th>
              <th scope="col" className="right">
                WAL kept
              </th>
              <th scope="col">Slot</th>
              <th scope="col" className="right">
                Changelog
              </th>
              <th scope="col" className="right">
                Rows read
              </th>
            </tr>
          </thead>
          <tbody>
            {sources.map((source) => (
              <tr key={source.database}>
                <td className="wide">
                  <strong>{source.database}</strong>
                  {source.problems.map(({ error, hint }) => (
                    <div key={error} className="small wrap">
                      {error}
                      <Hint text={hint} />
                    </div>
                  ))}
                </td>
                <td data-label="Reading">
                  <span className={`badge ${source.isReading ? 'good' : 'bad'}`}>{source.state}</span>
                </td>
                <td className="right num" data-label="Slot lag">
                  {bytes(source.slot.lagBytes)}
                  {source.slot.lagSeconds === null ? '' : `, ${duration(source.slot.lagSeconds * 1000)}`}
                </td>
                <td className="right num" data-label="WAL kept">
                  {bytes(source.slot.retainedBytes)}
                  {source.slot.safeBytes === null
                    ? ''
                    : ` of ${bytes(source.slot.safeBytes + (source.slot.retainedBytes ?? 0))}`}
                </td>
                <td data-label="Slot">
                  {source.slot.walStatus ?? 'not read yet'}
                  {source.slot.secondsLeft === null ? '' : `, lost in ${duration(source.slot.secondsLeft * 1000)}`}
                </td>
                <td className="right num" data-label="Changelog">
                  {bytes(source.changelog.bytes)}
                </td>
                <td className="right num" data-label="Rows read">
                  {compact(source.changelog.rows)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}
