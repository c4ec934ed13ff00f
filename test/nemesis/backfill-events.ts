// What is done to a job in the middle of a backfill: the schema is changed, and as soon as the job says that it is in a
// backfill, or a little later, something ends or stops. A far end that stands still meanwhile, or a PostgreSQL that is slow,
// makes it last.

import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../support/until.ts'
import type { SchemaOptions } from '../validators/backfill.ts'
import { attempt, type Event } from './events.ts'
import { pause, type JobEventOptions } from './job-events.ts'
import type { SchemaChanger } from './schema-changer.ts'

export interface BackfillEventOptions extends JobEventOptions {
  readonly changer: SchemaChanger
  readonly policy: SchemaOptions['policy']
}

export function inBackfill(options: BackfillEventOptions): Event {
  return [8, ['in a backfill', () => happenInBackfill(options)]]
}

async function happenInBackfill(options: BackfillEventOptions): Promise<string> {
  const { server, farEnd, random, database, changer, policy } = options
  const slow = random.pick([
    [1, 'nothing'],
    [2, 'the far end'],
    [1, 'PostgreSQL'],
  ])
  const [name, act] = random.pick<readonly [string, () => unknown]>([
    [3, ['kill server', () => server.kill().then(() => server.restart())]],
    [1, ['kill PostgreSQL', () => server.killPostgres()]],
    [1, ['pause', () => pause(options)]],
    [
      1,
      [
        'end all connections of the server',
        () =>
          attempt(
            { server, database },
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pg-changefeed%'`,
          ),
      ],
    ],
  ])
  if (slow === 'the far end') farEnd.freeze()
  try {
    await changer.change()
    const isIn = await isInBackfill(options, policy === 'backfill' ? 1000 : 0)
    if (slow === 'PostgreSQL') server.gate.stall(random.int(800), true)
    await delay(random.int(isIn ? 100 : 400))
    await act()
    return `${name} ${isIn ? 'in a backfill' : 'behind a schema change'}`
  } finally {
    if (slow === 'the far end') farEnd.thaw()
  }
}

function isInBackfill({ server, id }: BackfillEventOptions, withinMs: number): Promise<boolean> {
  return until('a backfill runs', withinMs, async () => {
    const sql = `SELECT running_status AS is FROM crdb_internal.jobs WHERE job_id = ${id()}`
    const rows = await server.sql(sql).catch(() => [])
    return rows.some(({ is }) => /backfill/i.test(String(is))) ? true : undefined
  }).catch(() => false)
}
