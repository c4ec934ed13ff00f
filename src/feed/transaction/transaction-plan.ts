// What is known of a transaction before its first change is emitted: which changes are the last of their rows, and which tables it changes.

import type { SchemaSnapshot } from '../../decode/schema-history.ts'
import type { FirstChanges } from './first-changes.ts'
import type { TablesAtEnd } from './tables-at-end.ts'

/** The events of a transaction that are emitted (last-changes.ts). */
export interface KeptEvents {
  readonly bits: Uint8Array
  /** For `diff`: the first change of the row of an event, if that is another change than the last. */
  readonly firstChanges: FirstChanges | undefined
  /** For `diff`: the schemas of the tables before the transaction; undefined: the transaction changes none. */
  readonly before: SchemaSnapshot | undefined
  /** Returns the record with this ordinal. */
  find(ordinal: number): FoundRecord
}

export interface FoundRecord {
  readonly payload: Buffer
  readonly offset: number
  /** The schemas to read the record with, if tables change within the transaction. */
  readonly schemas: SchemaSnapshot | undefined
}

/** What is known of a transaction before its first change is emitted. */
export interface TransactionPlan {
  /** Undefined: every change is the last of its row. */
  readonly kept: KeptEvents | undefined
  /** Undefined: the transaction changes no table. */
  readonly atEnd: TablesAtEnd | undefined
}

export const everyChange: TransactionPlan = { kept: undefined, atEnd: undefined }
