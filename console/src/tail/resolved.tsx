// The resolved messages of a live tail: the newest one, and some before it.

import { systemTime } from '../format.ts'
import type { Line } from './kept-lines.ts'

export function Resolved({ lines }: { readonly lines: readonly Line[] }) {
  const texts = lines.flatMap(({ number, line }) => (line.tag === 'resolved' ? [{ number, at: line.at }] : []))
  const [newest, ...older] = texts
  return (
    <div className="resolved-strip">
      {newest === undefined ? (
        <p className="muted">No resolved message yet.</p>
      ) : (
        <details>
          <summary>
            <strong>Resolved</strong> <span className="mono">{newest.at}</span>{' '}
            <span className="muted">{systemTime(newest.at)}</span>
          </summary>
          <p className="muted small">
            No later message has an updated timestamp at or below it. {older.length === 0 ? '' : 'Before that:'}
          </p>
          <ul className="mono small">
            {older.map(({ number, at }) => (
              <li key={number}>
                {at} <span className="muted">{systemTime(at)}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  )
}
