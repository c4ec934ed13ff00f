// What tables looked like at each point of one transaction that also changes tables: a row that is read again later
// must be read with the columns it had.

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

  /** What was known before the transaction; undefined: nothing changes in it. */
  get before(): SchemaSnapshot | undefined {
    return this.#ordinals.length === 1 ? undefined : this.start
  }

  /** The history has applied the schema record of that ordinal. */
  note(ordinal: number): void {
    if (this.#history.version === this.#version) return
    this.#version = this.#history.version
    this.#ordinals.push(ordinal)
    this.#snapshots.push(this.#history.snapshot())
  }

  /** What a row of that ordinal is read with; undefined: nothing changes in this transaction. */
  at(ordinal: number): SchemaSnapshot | undefined {
    if (this.#ordinals.length === 1) return undefined
    return this.#snapshots[this.#ordinals.findLastIndex((first) => first <= ordinal)]
  }
}
