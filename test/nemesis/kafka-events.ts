// What is done to a job, to its server and to its broker while it runs.

import { setTimeout as delay } from 'node:timers/promises'
import { type TestServer } from '../server/test-server.ts'
import type { SchemaOptions } from '../validators/backfill.ts'
import { until } from '../support/until.ts'
import type { AnswerThief } from '../services/kafka/answer-thief.ts'
import type { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { attempt, type Event } from './events.ts'
import type { Random } from './random.ts'
import type { SchemaChanger } from './schema-changer.ts'

const withinMs = 90_000

export interface JobEventOptions {
  readonly server: TestServer
  readonly broker: KafkaBroker
  readonly thief: AnswerThief
  readonly random: Random
  /** Of the job that runs now. */
  readonly id: () => string
  readonly database: string
}

export function eventsOfJobs({ server, broker, thief, random, id, database }: JobEventOptions): readonly Event[] {
  return [
    [
      3,
      [
        'pause',
        async () => {
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
        },
      ],
    ],
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
    [
      2,
      [
        'kill broker',
        async () => {
          await broker.kill()
          await delay(random.int(1500))
          await broker.restart()
        },
      ],
    ],
    [
      1,
      [
        'freeze broker',
        async () => {
          broker.freeze()
          await delay(random.int(3000))
          broker.thaw()
        },
      ],
    ],
    [
      3,
      [
        'cut connections to the broker',
        async () => {
          for (let i = 0; i < 10; i++) {
            thief.cutAfter(1 + random.int(20_000))
            await delay(random.int(60))
            thief.cut()
          }
          thief.cutAfter(Number.POSITIVE_INFINITY)
        },
      ],
    ],
  ]
}

export interface KillInBackfillOptions {
  readonly server: TestServer
  readonly changer: SchemaChanger
  readonly random: Random
  readonly policy: SchemaOptions['policy']
}

/** Changes the schema, and kills the server when a job says that it is in a backfill, or else a little later. */
export async function killInBackfill({ server, changer, random, policy }: KillInBackfillOptions): Promise<string> {
  // Then a backfill takes longer.
  const stallMs = random.chance(0.5) ? random.int(800) : 0
  await changer.change()
  const status = `SELECT running_status AS is FROM crdb_internal.jobs WHERE status = 'running'`
  const isIn = await until('a backfill runs', policy === 'backfill' ? 3000 : 0, async () => {
    const rows = await server.sql(status).catch(() => [])
    return rows.some(({ is }) => /backfill/i.test(String(is))) ? true : undefined
  }).catch(() => false)
  server.gate.stall(stallMs, true)
  await delay(random.int(isIn ? 50 : 400))
  await server.kill()
  await server.restart()
  return isIn ? 'kill server in a backfill' : 'kill server behind a schema change'
}
