// Which tables have a DEFERRABLE key at some point of a transaction that also changes tables. It is found out before any
// row is looked at, because all changes of a row must be told apart in one way (last-changes.ts).

import type { RelationSchema } from '../../core/relation.ts'
import type { SchemaHistory, SchemaSnapshot } from '../../decode/schema-history.ts'
import { recordEnd } from '../../changelog/records.ts'

export class DeferrableTables {
  readonly #history: SchemaHistory
  readonly #start: SchemaSnapshot
  readonly #found = new Set<number>()

  constructor(history: SchemaHistory) {
    this.#history = history
    this.#start = history.snapshot()
  }

  /** A relation or schema record of the transaction. */
  note(payload: Buffer, offset: number): void {
    const relid = this.#history.apply(payload, offset, recordEnd(payload, offset))
    if (relid === undefined) return
    if (isDeferrable(this.#start.get(relid)?.schema) || isDeferrable(this.#history.relation(relid))) {
      this.#found.add(relid)
    }
  }

  /** The history is again what it was at the beginning of the transaction. */
  end(): ReadonlySet<number> {
    this.#history.restore(this.#start)
    return this.#found
  }
}

function isDeferrable(relation: RelationSchema | undefined): boolean {
  return relation?.description.deferrableKey === true
}
