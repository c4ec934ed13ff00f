// The stage before the encoder. It has the encoder prepare each version of a relation before the first change of that
// version. A format that asks a schema registry waits for the answer. Until then the stage is full, and keeps copies of that
// change and of those that the producer still gives. `drain` waits for the encoder, and passes the copies on in order.
//
// A change whose relation is prepared costs one comparison. With JSON no change ever waits.

import { orAbort } from '../../async/or-abort.ts'
import type { CopyRun } from '../../core/copy-run.ts'
import type { RecordRun, RunTable } from '../../core/record-run.ts'
import type { RelationSchema } from '../../core/relation.ts'
import { copyChange, type RowChange } from '../../core/row-change.ts'
import type { Encoder } from '../../encode/encoder.ts'
import type { ChangeTaker } from './change-taker.ts'

export interface PrepareOptions {
  readonly encoder: Encoder
  readonly next: ChangeTaker
  /** If it aborts while `drain` waits for the encoder, `drain` throws its reason at once. */
  readonly signal: AbortSignal
}

export class PrepareStage implements ChangeTaker {
  readonly #encoder: Encoder
  readonly #next: ChangeTaker
  readonly #signal: AbortSignal
  /** The schema numbers of the relations that are prepared. */
  readonly #prepared = new WeakMap<RelationSchema, number>()
  /** Copies of the changes that wait. The relation of the first is the one that is being prepared. */
  #waiting: RowChange[] = []
  #preparing: Promise<number> | undefined
  /** The relation of the previous change, which has the schema number `#schema`; undefined while changes wait. */
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

  tableOf(relation: RelationSchema, topic: number): RunTable | undefined {
    if (this.#preparing !== undefined) return undefined
    const table = this.#next.tableOf?.(relation, topic)
    if (table === undefined) return undefined
    // Where a registry must be asked, `take` waits for it.
    const schema = this.#prepared.get(relation) ?? this.#encoder.prepare(relation, topic)
    if (typeof schema !== 'number') return undefined
    this.#prepared.set(relation, schema)
    return { ...table, schema }
  }

  takeRecords(run: RecordRun, from: number): number {
    return this.#next.takeRecords?.(run, from) ?? from
  }

  takeCopied(run: CopyRun, from: number): number {
    return this.#next.takeCopied?.(run, from) ?? from
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
      // It is `drain` that throws the error, if there is one.
      schema.catch(() => undefined)
      return false
    }
    this.#prepared.set(relation, schema)
    this.#relation = relation
    this.#schema = schema
    return true
  }

  async #wait(): Promise<void> {
    // While the encoder waits, the sink gets the changes that came before.
    await this.#next.drain()
    while (this.#preparing !== undefined) {
      const schema = await orAbort(this.#preparing, this.#signal)
      const changes = this.#waiting
      this.#prepared.set((changes[0] as RowChange).relation, schema)
      this.#preparing = undefined
      this.#waiting = []
      // From the first change on whose relation is not prepared either, they wait again.
      for (const change of changes) this.take(change)
    }
    await this.#next.drain()
  }
}
