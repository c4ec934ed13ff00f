// Encodes runs of row records and of copied rows with the kernel, for one changefeed.

import type { CopyRun } from '../../../core/copy-run.ts'
import { formatHlc, type Hlc } from '../../../core/hlc.ts'
import { largeMessageBytes, type MessageBatch } from '../../../core/message-batch.ts'
import type { RecordRun } from '../../../core/record-run.ts'
import type { RelationSchema } from '../../../core/relation.ts'
import type { RecordEncoder } from '../../record-encoder.ts'
import type { Encoded, Kernel } from './kernel.ts'
import type { Program } from './program.ts'

export class RunEncoder implements RecordEncoder {
  readonly #kernel: Kernel
  readonly #makeProgram: (relation: RelationSchema, topic: number) => Program | undefined
  /** For each topic, because its name may be in the messages. */
  readonly #programs: WeakMap<RelationSchema, Program | undefined>[] = []
  /** The programs of the tables of the present run. */
  readonly #ofRun: Program[] = []

  constructor(kernel: Kernel, program: (relation: RelationSchema, topic: number) => Program | undefined) {
    this.#kernel = kernel
    this.#makeProgram = program
  }

  takes(relation: RelationSchema, topic: number): boolean {
    return this.#program(relation, topic) !== undefined
  }

  encode(run: RecordRun, from: number, batch: MessageBatch): number {
    const programs = this.#ofRun
    programs.length = 0
    for (const { relation, topic } of run.tables) programs.push(this.#program(relation, topic) as Program)
    for (let next = from; ;) {
      const encoded = this.#kernel.encode(run, programs, next, batch)
      this.#noteLarge(run, encoded, batch)
      next = encoded.done
      if (next === run.count || encoded.isLeft) return next
    }
  }

  encodeCopied(run: CopyRun, from: number, batch: MessageBatch): number {
    const { relation, topic } = run.table as NonNullable<CopyRun['table']>
    const program = this.#program(relation, topic) as Program
    for (let next = from; ;) {
      const encoded = this.#kernel.encodeCopied(run, program, next, batch)
      this.#noteLarge(run, encoded, batch)
      next = encoded.done
      if (next === run.end || encoded.isLeft) return next
    }
  }

  #noteLarge(run: { timeOf(record: number): Hlc }, { messages, largest }: Encoded, batch: MessageBatch): void {
    if (largest < largeMessageBytes) return
    const first = batch.count - messages
    // Those of one transaction share it.
    let time: Hlc | undefined
    let text = ''
    for (let i = 0; i < messages; i++) {
      const message = first + i
      const bytes = (batch.valueEnds[message] as number) - (batch.keyStarts[message] as number)
      if (bytes < largeMessageBytes) continue
      const of = run.timeOf(this.#kernel.recordOf(i))
      if (of !== time) text = formatHlc((time = of))
      batch.largeTimes.set(message, text)
    }
  }

  #program(relation: RelationSchema, topic: number): Program | undefined {
    const known = (this.#programs[topic] ??= new WeakMap())
    if (!known.has(relation)) known.set(relation, this.#makeProgram(relation, topic))
    return known.get(relation)
  }
}
