// Finds the tables whose key is DEFERRABLE at some point of a transaction that also changes tables. They must be known before
// the first row is read, because all changes of a table are handled in the same way (last-changes.ts).

import type { RelationSchema } from '../../core/relation.ts'
import type { SchemaHistory, SchemaSnapshot } from '../../decode/schema-history.ts'
import { recordEnd } from '../../changelog/records.ts'
import type { OffsetList } from './offset-list.ts'

export class DeferrableTables {
  readonly #history: SchemaHistory
  readonly #start: SchemaSnapshot
  readonly #found = new Set<number>()

  constructor(history: SchemaHistory) {
    this.#history = history
    this.#start = history.snapshot()
  }

  /** Reads the listed schema records of one part of the transaction. */
  read(payload: Buffer, list: OffsetList): void {
    for (const offset of list.schemaRecords(payload)) {
      const relid = this.#history.apply(payload, offset, recordEnd(payload, offset))
      if (relid === undefined) continue
      if (isDeferrable(this.#start.get(relid)?.schema) || isDeferrable(this.#history.relation(relid))) {
        this.#found.add(relid)
      }
    }
  }

  /** Returns the tables, and restores the history to the beginning of the transaction. */
  end(): ReadonlySet<number> {
    this.#history.restore(this.#start)
    return this.#found
  }
}

function isDeferrable(relation: RelationSchema | undefined): boolean {
  return relation?.description.deferrableKey === true
}
