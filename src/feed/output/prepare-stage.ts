// The taker before the encoder: lets the encoder prepare each version of a relation before the first of its changes. A
// format with a schema registry has to wait for that. The change that came first, and what follows it before the producer
// can wait, are copied and kept here in order; `isFull` asks the producer to stop, and `drain` waits and passes them on.
//
// A change of a relation that is prepared, as all are where the format has nothing to ask for, costs one comparison.

import { orAbort } from '../../async/or-abort.ts'
import type { RelationSchema } from '../../core/relation.ts'
import { copyChange, type RowChange } from '../../core/row-change.ts'
import type { Encoder } from '../../encode/encoder.ts'
import type { ChangeTaker } from './change-taker.ts'

export interface PrepareOptions {
  readonly encoder: Encoder
  readonly next: ChangeTaker
  /** While `drain` waits for the encoder it throws the signal's reason as soon as it aborts. */
  readonly signal: AbortSignal
}

export class PrepareStage implements ChangeTaker {
  readonly #encoder: Encoder
  readonly #next: ChangeTaker
  readonly #signal: AbortSignal
  /** The schema numbers of the relations that are prepared. */
  readonly #prepared = new WeakMap<RelationSchema, number>()
  /** Copies of the changes that came since one had to wait; the first of them waits for `#preparing`. */
  #waiting: RowChange[] = []
  #preparing: Promise<number> | undefined
  /** The relation of the last change and its schema number; undefined while changes wait. */
  #relation: RelationSchema | undefined
  #schema = 0

  constructor({ encoder, next, signal }: PrepareOptions) {
    this.#encoder = encoder
    this.#next = next
    this.#signal = signal
  }

  get isFull(): boolean {
    return this.#preparing !== undefined || this.#next.isFull
  }

  take(change: RowChange): void {
    if (change.relation !== this.#relation && !this.#isPrepared(change)) {
      this.#waiting.push(copyChange(change))
      return
    }
    change.schema = this.#schema
    this.#next.take(change)
  }

  drain(): Promise<void> {
    return this.#preparing === undefined ? this.#next.drain() : this.#wait()
  }

  #isPrepared({ relation, topic }: RowChange): boolean {
    if (this.#preparing !== undefined) return false
    const schema = this.#prepared.get(relation) ?? this.#encoder.prepare(relation, topic)
    if (typeof schema !== 'number') {
      this.#relation = undefined
      this.#preparing = schema
      // Whoever drains learns of it.
      schema.catch(() => undefined)
      return false
    }
    this.#prepared.set(relation, schema)
    this.#relation = relation
    this.#schema = schema
    return true
  }

  async #wait(): Promise<void> {
    // The sink gets what came before while the encoder waits.
    await this.#next.drain()
    while (this.#preparing !== undefined) {
      const schema = await orAbort(this.#preparing, this.#signal)
      const changes = this.#waiting
      this.#prepared.set((changes[0] as RowChange).relation, schema)
      this.#preparing = undefined
      this.#waiting = []
      // Those behind the first change of another relation that is not prepared wait again.
      for (const change of changes) this.take(change)
    }
    await this.#next.drain()
  }
}
