// Changes that readings have shown and that no row has: they are described when the stream has passed the reading, so that they come
// neither before rows that were written earlier, nor late.

import type { Descriptions } from './descriptions.ts'
import type { Era } from './table-readings.ts'

export class ComingChanges {
  readonly #descriptions: Descriptions
  readonly #coming: { readonly relid: number; readonly era: Era }[] = []

  constructor(descriptions: Descriptions) {
    this.#descriptions = descriptions
  }

  /** The position that the stream must have passed before the next one is described; 0: none waits. */
  get awaited(): number {
    return this.#coming[0]?.era.since ?? 0
  }

  push(relid: number, era: Era): void {
    this.#coming.push({ relid, era })
  }

  /** The stream has passed `position`, and no transaction is open. */
  describeUntil(position: number): void {
    while (this.#coming[0] !== undefined && this.#coming[0].era.since <= position) {
      const { relid, era } = this.#coming.shift() as { relid: number; era: Era }
      const table = this.#descriptions.table(relid)
      if (era.since <= table.era) continue
      if (era.table !== undefined) this.#descriptions.adopt(table, era)
      else this.#descriptions.drop(table, era)
    }
  }
}
