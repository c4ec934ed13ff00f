// What is done to a job and to its server while it runs.

import { setTimeout as delay } from 'node:timers/promises'
import { type TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { attempt, type Event } from './events.ts'
import type { NemesisFarEnd } from './far-end.ts'
import type { Random } from './random.ts'

const withinMs = 90_000

export interface JobEventOptions {
  readonly server: TestServer
  readonly farEnd: NemesisFarEnd
  readonly random: Random
  /** Of the job that runs now. */
  readonly id: () => string
  readonly database: string
}

export function eventsOfJobs({ server, random, id, database }: JobEventOptions): readonly Event[] {
  return [
    [3, ['pause', () => pause({ server, random, id, database })]],
    [
      2,
      [
        'kill server',
        async () => {
          await server.kill()
          await server.restart()
        },
      ],
    ],
    [2, ['kill PostgreSQL', () => server.killPostgres()]],
    [
      1,
      [
        'kill both',
        async () => {
          await server.kill()
          server.killPostgres()
          await server.restart()
        },
      ],
    ],
  ]
}

/** And resume. */
export async function pause({ server, random, id, database }: Omit<JobEventOptions, 'farEnd'>): Promise<void> {
  const paused = id()
  await attempt({ server, database }, `PAUSE JOB ${paused}`)
  await delay(random.int(300))
  // A schema change may have stopped it for good: then another one runs.
  await until('the job goes on', withinMs, () =>
    server.sql(`RESUME JOB ${paused}`).then(
      () => true,
      () => (id() === paused ? undefined : true),
    ),
  )
}
