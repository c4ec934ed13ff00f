// What each transaction of the log, as a whole, changes of the descriptions of some tables. A boundary compares the same two
// descriptions, so a column that one transaction adds and drops again is no change here either.

import { compareHlc, type Hlc } from '../../core/hlc.ts'
import type { TableDescription } from '../../core/table.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import type { SchemaChange } from '../follow/schema-changes.ts'
import type { TransactionParts } from '../follow/transaction-parts.ts'

export interface NetChange extends SchemaChange {
  readonly at: Hlc
}

export class NetChanges {
  readonly #schemas: SchemaHistory
  readonly #relids: ReadonlySet<number>
  readonly #changed: (change: NetChange) => void
  /** The transaction that is being read, if it has schema records, and the descriptions from before it. */
  #at: Hlc | undefined
  readonly #before = new Map<number, TableDescription>()

  constructor(schemas: SchemaHistory, relids: ReadonlySet<number>, changed: (change: NetChange) => void) {
    this.#schemas = schemas
    this.#relids = relids
    this.#changed = changed
  }

  /** Called before the schema records of a part are applied. */
  begin({ ts, list }: TransactionParts): void {
    if (this.#at !== undefined && compareHlc(this.#at, ts) !== 0) this.end()
    if (!list.hasSchema || this.#at !== undefined) return
    this.#at = ts
    for (const relid of this.#relids) {
      const before = this.#schemas.description(relid)
      if (before !== undefined) this.#before.set(relid, before)
    }
  }

  /** Called when the transaction has no more parts. */
  end(): void {
    const at = this.#at
    if (at === undefined) return
    for (const [relid, before] of this.#before) {
      const after = this.#schemas.description(relid)
      if (after !== undefined && after !== before) this.#changed({ at, before, after })
    }
    this.#at = undefined
    this.#before.clear()
  }
}
