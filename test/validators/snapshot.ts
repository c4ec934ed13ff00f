// What resolved timestamps promise, checked without time travel: the rows with a timestamp at or below a resolved one
// are a state that the database really had. The workload keeps an invariant in every committed state (the balances of
// all accounts have one sum); so it must hold for the messages up to each resolved timestamp. A transaction that is torn
// in two by a resolved timestamp, a row that comes too late or never, or a wrong order of versions breaks it.

import { compareHlc, type Hlc } from '../../src/core/hlc.ts'
import type { RowNote, Validator } from './validator.ts'

export class SnapshotValidator implements Validator {
  readonly #topic: string
  readonly #column: string
  readonly #sum: bigint
  readonly #failures: string[] = []
  readonly #waiting: RowNote[] = []
  readonly #state = new Map<string, { readonly ts: Hlc; readonly value: bigint }>()
  checked = 0

  constructor(topic: string, column: string, sum: bigint) {
    this.#topic = topic
    this.#column = column
    this.#sum = sum
  }

  noteRow(row: RowNote): void {
    if (row.topic === this.#topic) this.#waiting.push(row)
  }

  noteResolved(_partition: string, ts: Hlc): void {
    const later: RowNote[] = []
    for (const row of this.#waiting.splice(0)) {
      if (compareHlc(row.updated, ts) > 0) later.push(row)
      else this.#apply(row)
    }
    this.#waiting.push(...later)
    const sum = [...this.#state.values()].reduce((total, { value }) => total + value, 0n)
    this.checked += 1
    if (sum !== this.#sum)
      this.#failures.push(`at ${ts.wall}.${ts.logical} the ${this.#column}s sum to ${sum}, not to ${this.#sum}`)
  }

  failures(): readonly string[] {
    return this.#failures
  }

  /** The latest value of each key, as JSON text of the key. */
  get state(): ReadonlyMap<string, bigint> {
    return new Map([...this.#state].map(([key, { value }]) => [key, value]))
  }

  #apply({ key, value, updated }: RowNote): void {
    const known = this.#state.get(key)
    // Repeated after a restart: at least once.
    if (known !== undefined && compareHlc(known.ts, updated) >= 0) return
    const { after } = JSON.parse(value) as { after: Record<string, number> | null }
    this.#state.set(key, { ts: updated, value: after === null ? 0n : BigInt(after[this.#column] ?? 0) })
  }
}
