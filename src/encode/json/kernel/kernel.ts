// The kernel as its host sees it: fills its memory, calls it, and copies what it has written to a batch.

import type { MessageBatch } from '../../../core/message-batch.ts'
import type { RecordRun } from '../../../core/record-run.ts'
import {
  entriesAt,
  inputAt,
  keyStartsAt,
  nilValuesAt,
  outputAt,
  pointersAt,
  programsAt,
  programsEnd,
  recordsAt,
  resultNumbers,
  resultsAt,
  stampBytes,
  stampsAt,
  valueEndsAt,
  valueStartsAt,
} from './layout.ts'
import type { Program } from './program.ts'

export interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer }
  encode(from: number, count: number, delta: number, base: number, updated: number): void
}

/** What one call has encoded. */
export interface Encoded {
  /** The first record that is not encoded. */
  readonly done: number
  readonly messages: number
  readonly largest: number
}

export class Kernel {
  readonly #encode: KernelExports['encode']
  readonly #memory: Buffer
  readonly #numbers: Uint32Array<ArrayBuffer>
  /** Where the next program goes. */
  #programsAt = programsAt
  readonly #places = new Map<Program, number>()
  /** The run whose records lie in the memory, and its version then. */
  #run: RecordRun | undefined
  #version = 0

  constructor({ memory, encode }: KernelExports) {
    this.#encode = encode
    this.#memory = Buffer.from(memory.buffer)
    this.#numbers = new Uint32Array(memory.buffer)
  }

  /** Encodes the records from `from` on, as far as the kernel can. `programs` are those of the tables of the run. */
  encode(run: RecordRun, programs: readonly Program[], from: number, batch: MessageBatch): Encoded {
    if (run !== this.#run || run.version !== this.#version) this.#load(run, programs)
    this.#encode(from, run.count, run.start, batch.bytes.length, -1)
    const at = resultsAt / 4
    const [done = 0, messages = 0, bytes = 0, largest = 0] = this.#numbers.subarray(at, at + resultNumbers)
    if (messages > 0) this.#append(run, messages, bytes, batch)
    return { done, messages, largest }
  }

  /** Returns the record of a message of the last call. */
  recordOf(message: number): number {
    return this.#numbers[recordsAt / 4 + message] as number
  }

  #load(run: RecordRun, programs: readonly Program[]): void {
    const { payload, start, end, entries, count, walls, stampCount } = run
    payload.copy(this.#memory, inputAt, start, end)
    this.#numbers.set(entries.subarray(0, 3 * count), entriesAt / 4)
    this.#memory.set(new Uint8Array(walls.buffer, 0, stampBytes * stampCount), stampsAt)
    if (!programs.every((program) => this.#place(program))) {
      // The programs of other runs make room. Where that is not enough, the kernel leaves the records of some tables.
      this.#places.clear()
      this.#programsAt = programsAt
      for (const program of programs) this.#place(program)
    }
    for (const [i, program] of programs.entries()) this.#numbers[pointersAt / 4 + i] = this.#places.get(program) ?? 0
    this.#run = run
    this.#version = run.version
  }

  /** Returns false if there is no room. */
  #place(program: Program): boolean {
    if (this.#places.has(program)) return true
    const { bytes } = program
    if (this.#programsAt + bytes.length > programsEnd) return false
    this.#memory.set(bytes, this.#programsAt)
    this.#places.set(program, this.#programsAt)
    this.#programsAt = (this.#programsAt + bytes.length + 15) & ~15
    return true
  }

  #append(run: RecordRun, messages: number, bytes: number, batch: MessageBatch): void {
    const numbers = (at: number): Uint32Array => this.#numbers.subarray(at / 4, at / 4 + messages)
    const first = batch.append(messages, {
      keyStarts: numbers(keyStartsAt),
      valueStarts: numbers(valueStartsAt),
      valueEnds: numbers(valueEndsAt),
      nilValues: this.#memory.subarray(nilValuesAt, nilValuesAt + messages),
      bytes: this.#memory.subarray(outputAt, outputAt + bytes),
    })
    const { tables } = run
    const [only] = tables
    if (only !== undefined && tables.length === 1) {
      batch.topics.fill(only.topic, first, first + messages)
      batch.schemas.fill(only.schema, first, first + messages)
      return
    }
    for (let i = 0; i < messages; i++) {
      const table = run.tableOf(this.recordOf(i))
      batch.topics[first + i] = table.topic
      batch.schemas[first + i] = table.schema
    }
  }
}
