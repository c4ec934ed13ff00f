// What can happen between the server and its PostgreSQL: a statement runs and its answer is lost, a connection ends in the
// middle of an answer, nothing comes for seconds, every connection ends.

import { setTimeout as delay } from 'node:timers/promises'
import type { PostgresGate } from '../support/postgres-gate.ts'
import type { Random } from './random.ts'

/** Whose answers are lost. */
const statements = {
  any: /[\s\S]/,
  'the jobs': /(?:INSERT|UPDATE|DELETE)[\s\S]*changefeed\.jobs/,
  'a commit': /COMMIT/,
  'the slot or the publication': /REPLICATION_SLOT|replication_slot|PUBLICATION|IDENTIFY_SYSTEM/,
  'what watches tables': /changefeed\.(?:watched|watch|describe|look_at)/,
} as const

/** Gives what it did, in words. What it has laid out may happen a little later. */
export async function troubleBetween(gate: PostgresGate, random: Random): Promise<string> {
  const names = Object.keys(statements) as (keyof typeof statements)[]
  return random.pick<() => string | Promise<string>>([
    [
      5,
      () => {
        const name = random.pick(names.map((name) => [1, name] as const))
        const times = 1 + random.int(3)
        gate.loseAnswers(statements[name], times)
        return `lose ${times} answers to ${name}`
      },
    ],
    [
      3,
      async () => {
        for (let i = 0; i < 5; i++) {
          gate.cutAfter(1 + random.int(5000))
          await delay(random.int(60))
        }
        return 'cut answers'
      },
    ],
    [
      3,
      async () => {
        const ms = 100 + random.int(3000)
        gate.stall(ms, random.chance(0.5))
        await delay(random.int(ms))
        return `stall PostgreSQL ${ms} ms`
      },
    ],
    [
      1,
      () => {
        gate.cutAll()
        return 'cut all connections to PostgreSQL'
      },
    ],
  ])()
}
