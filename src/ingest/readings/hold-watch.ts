// Says who holds up a source: a transaction that has locked a table or a type, so that nobody can tell yet whether it has changed it.
// Rows that were written to it before wait until the transaction ends.

import { FeedError } from '../../errors/feed-error.ts'
import type { Queries } from '../../postgres/queries.ts'
import { exclusiveLock } from '../../postgres/table-locks.ts'
import type { Gate } from './gate.ts'
import type { Reading } from './reading.ts'

/** A shorter wait is not worth a word. */
const patienceMs = 2000

export interface HoldWatchOptions {
  readonly connection: Queries
  readonly gate: Pick<Gate, 'isHolding' | 'waitsFor'>
  readonly held: (why: FeedError) => void
  readonly released: () => void
}

export class HoldWatch {
  readonly #options: HoldWatchOptions
  #sinceMs: number | undefined
  #isTold = false

  constructor(options: HoldWatchOptions) {
    this.#options = options
  }

  /** To be called after each reading. */
  async look(reading: Reading): Promise<void> {
    const { connection, gate, held, released } = this.#options
    if (!gate.isHolding) {
      this.#sinceMs = undefined
      if (this.#isTold) released()
      this.#isTold = false
      return
    }
    this.#sinceMs ??= performance.now()
    if (this.#isTold || performance.now() - this.#sinceMs < patienceMs) return
    const relations = gate.waitsFor().filter((relation) => reading.locked.has(relation))
    if (relations.length === 0) return
    this.#isTold = true
    const lock = await exclusiveLock(connection, relations)
    if (lock?.isGranted !== true) return
    const { who, what } = lock
    const message = `changes wait for ${who}, which has locked ${what}: how rows are to be read is known when its transaction ends`
    held(new FeedError('FEED_STATE', message, { sqlstate: '55P03', hint: 'end that transaction' }))
  }
}
