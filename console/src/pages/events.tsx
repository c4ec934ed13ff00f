import type { EventsAnswer } from '../../../src/server/api/answers.ts'
import { get } from '../api.ts'
import { EventList } from '../ui/event-list.tsx'
import { Failure, Loading, PageHead } from '../ui/parts.tsx'
import { usePoll } from '../use-poll.ts'

export function Events() {
  const { data, error } = usePoll('events', (signal) => get<EventsAnswer>('events', { limit: 200 }, signal), 10_000)
  return (
    <>
      <PageHead title="Events" about="What has happened to changefeeds, the newest first." />
      <div className="stack">
        <Failure error={error} />
        <section className="card card-body">
          {data === undefined ? (
            error === undefined && <Loading what="events" />
          ) : (
            <EventList events={data.events} isFull />
          )}
        </section>
      </div>
    </>
  )
}
