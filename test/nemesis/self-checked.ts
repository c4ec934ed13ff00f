// The tables whose rows say themselves whether they were read right, and their writers.

import type { TestServer } from '../server/test-server.ts'
import type { SchemaOptions } from '../validators/backfill.ts'
import type { RowNote } from '../validators/validator.ts'
import { createMirror, Mirror, mirrorTable } from './mirror.ts'
import { createMoving, Moving, movingTable } from './moving.ts'
import { Random } from './random.ts'
import { SingleWriter } from './single-writer.ts'
import { createTyped, Typed, typedTable } from './typed.ts'

export const selfChecked = [mirrorTable, movingTable, typedTable] as const
export const createSelfChecked = [createMirror, createMoving, createTyped].join('; ')

export class SelfChecked {
  readonly #mirror: Mirror
  readonly #others: readonly SingleWriter[]

  /** `policy`: with `backfill`, changes that have one are rare, so that the feed can keep up. */
  constructor(server: TestServer, database: string, policy: SchemaOptions['policy']) {
    const often = policy === 'backfill' ? 0.02 : 1
    this.#mirror = new Mirror(server, database, often)
    this.#others = [new Moving(often), new Typed(often)].map((table) => new SingleWriter({ server, database, table }))
  }

  /** Each writes until the signal. Start it behind the initial scan. */
  write(seed: number, signal: AbortSignal): readonly Promise<void>[] {
    return [this.#mirror, ...this.#others].map((writer, i) => writer.write(new Random(seed * 1000 + 100 + i), signal))
  }

  /** `policy`: only with `backfill` rows come again that nobody wrote again. */
  judge(
    rows: readonly RowNote[],
    policy: SchemaOptions['policy'],
    tables: readonly string[] = selfChecked,
  ): readonly string[] {
    this.#mirror.assertUsed()
    return [this.#mirror, ...this.#others]
      .filter(({ name }) => tables.includes(name))
      .flatMap((writer) => writer.judge(rows, policy === 'backfill'))
  }
}
