// Finds why changes after a time are missing from the log, for the error of a cursor that is refused because of it.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Changelog } from '../../changelog/changelog.ts'
import { compareHlc, type Hlc } from '../../core/hlc.ts'
import { SchemaHistory } from '../../decode/schema-history.ts'
import { TransactionParts } from '../follow/transaction-parts.ts'
import { Partitions } from '../transaction/partitions.ts'

/** Other work of the thread gets its turn after so many blocks. */
const blocksPerTurn = 64

export interface FindGapOptions {
  readonly log: Changelog
  readonly relids: readonly number[]
  readonly after: Hlc
  readonly signal: AbortSignal
}

/** Returns the reason of the first gap after `after` that concerns one of the tables; undefined: what is kept has none. */
export async function findGap({ log, relids, after, signal }: FindGapOptions): Promise<string | undefined> {
  let found: string | undefined
  const gap = (through: Hlc, reason: string): void => {
    if (compareHlc(through, after) > 0) found ??= reason
  }
  const partitions = new Partitions(relids)
  const parts = new TransactionParts({ schemas: new SchemaHistory(), partitions, gap })
  using reader = log.readFrom(log.startOf(after) ?? log.status.tail)
  for (let blocks = 1; found === undefined; blocks++) {
    const block = reader.next()
    if (block === undefined) break
    if (block.hasSchema) {
      parts.open(block)
      while (parts.next()) parts.applySchemas()
    }
    if (blocks % blocksPerTurn === 0) {
      await nextTurn()
      signal.throwIfAborted()
    }
  }
  return found
}
