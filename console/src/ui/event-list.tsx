import type { EventAnswer } from '../../../src/server/api/answers.ts'
import { Time } from './parts.tsx'

export function EventList({
  events,
  isFull = false,
}: {
  readonly events: readonly EventAnswer[]
  readonly isFull?: boolean
}) {
  if (events.length === 0) return <p className="muted">Nothing has happened yet.</p>
  return (
    <ul className="events">
      {events.map((event) => (
        <li key={`${event.job} ${event.kind}`}>
          <a className={`wrap ${isFull ? '' : 'clip'}`} href={`#/jobs/${event.job}`}>
            {event.text}
          </a>
          <div className="muted small">
            <Time ms={event.atMs} />
          </div>
        </li>
      ))}
    </ul>
  )
}
