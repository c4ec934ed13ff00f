// Remembers what tables looked like at each point of a transaction that also changes tables, because a row that is read
// again later must be read with the columns that it had.

import type { SchemaHistory, SchemaSnapshot } from '../../decode/schema-history.ts'

export class SchemaTrail {
  readonly #history: SchemaHistory
  readonly #ordinals: number[] = [0]
  readonly #snapshots: SchemaSnapshot[]
  #version: number

  constructor(history: SchemaHistory) {
    this.#history = history
    this.#version = history.version
    this.#snapshots = [history.snapshot()]
  }

  get start(): SchemaSnapshot {
    return this.#snapshots[0] as SchemaSnapshot
  }

  /** The schemas before the transaction; undefined: the transaction changes none. */
  get before(): SchemaSnapshot | undefined {
    return this.#ordinals.length === 1 ? undefined : this.start
  }

  /** Called when the history has applied the schema record with this ordinal. */
  note(ordinal: number): void {
    if (this.#history.version === this.#version) return
    this.#version = this.#history.version
    this.#ordinals.push(ordinal)
    this.#snapshots.push(this.#history.snapshot())
  }

  /** Returns the schemas to read the row with this ordinal; undefined: the transaction changes none. */
  at(ordinal: number): SchemaSnapshot | undefined {
    if (this.#ordinals.length === 1) return undefined
    return this.#snapshots[this.#ordinals.findLastIndex((first) => first <= ordinal)]
  }
}
