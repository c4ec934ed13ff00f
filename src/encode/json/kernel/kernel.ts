// The kernel as its host sees it: fills its memory, calls it, and copies what it has written to a batch.

import { copyHeadBytes, type CopyRun } from '../../../core/copy-run.ts'
import type { MessageBatch } from '../../../core/message-batch.ts'
import type { RecordRun } from '../../../core/record-run.ts'
import {
  bordersAt,
  inputAt,
  inputBytes,
  nilValuesAt,
  outputAt,
  recordsAt,
  resultNumbers,
  resultsAt,
  stampBytes,
  stampNumbersAt,
  stampsAt,
  tagsAt,
  valueStartsAt,
  whatsAt,
} from './layout.ts'
import { writeByHost, type HostWriter } from './host-writer.ts'
import type { Program } from './program.ts'
import { ProgramPlaces } from './program-places.ts'

export interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer }
  encode(from: number, count: number, delta: number, base: number): void
  encodeCopied(from: number, length: number, base: number, sent: number, commitTimes: number): void
}

/** What one call has encoded. */
export interface Encoded {
  /** The first record that is not encoded; of COPY, its offset. */
  readonly done: number
  /** The kernel cannot encode that record. */
  readonly isLeft: boolean
  readonly messages: number
  readonly largest: number
}

export class Kernel {
  readonly #exports: KernelExports
  readonly #memory: Buffer
  readonly #numbers: Uint32Array<ArrayBuffer>
  readonly #programs: ProgramPlaces
  /** The run of which something lies in the memory, and its version then. */
  #run: RecordRun | CopyRun | undefined
  #version = 0
  /** Of a run of COPY, the part that lies in the memory. For records `#start` is 0. */
  #start = 0
  #end = 0

  constructor(exports: KernelExports) {
    const { buffer } = exports.memory
    this.#exports = exports
    this.#memory = Buffer.from(buffer)
    this.#numbers = new Uint32Array(buffer)
    this.#programs = new ProgramPlaces(this.#memory, this.#numbers)
  }

  /** Encodes the records from `from` on, as far as the kernel can. `programs` are those of the tables of the run. */
  encode(run: RecordRun, programs: readonly Program[], from: number, batch: MessageBatch): Encoded {
    if (run !== this.#run || run.version !== this.#version) this.#load(run, programs)
    this.#exports.encode(from, run.count, run.start, batch.bytes.length)
    const first = batch.count
    const encoded = this.#take(0, batch)
    const { tables } = run
    const [only] = tables
    if (only !== undefined && tables.length === 1) fill(batch, first, only)
    else {
      for (let message = first; message < batch.count; message++) {
        const { topic, schema } = run.tableOf(this.recordOf(message - first))
        batch.topics[message] = topic
        batch.schemas[message] = schema
      }
    }
    return encoded
  }

  /** Encodes the rows from the offset `from` on, as far as the kernel can. */
  encodeCopied(run: CopyRun, program: Program, from: number, batch: MessageBatch): Encoded {
    const { table, shape, bytes } = run
    const isThere = run === this.#run && run.version === this.#version && from >= this.#start
    if (!isThere || from + copyHeadBytes > this.#end || run.after(from) > this.#end) {
      if (table === undefined || run.after(from) - from > inputBytes)
        return { done: from, isLeft: true, messages: 0, largest: 0 }
      this.#programs.use([program])
      this.#setStamp(run)
      this.#start = from
      this.#end = from + bytes.copy(this.#memory, inputAt, from, Math.min(run.end, from + inputBytes))
      this.#run = run
      this.#version = run.version
    }
    const base = batch.bytes.length
    const commitTimes = shape.commitTimes ? 1 : 0
    this.#exports.encodeCopied(from - this.#start, this.#end - this.#start, base, shape.sent, commitTimes)
    const first = batch.count
    const encoded = this.#take(this.#start, batch)
    if (table !== undefined) fill(batch, first, table)
    return encoded
  }

  /** The kernel calls it for a value that it does not write: `[start, end)` is to be written at `at`. Returns where that ends; 0: it cannot be. */
  writeByHost(program: number, writer: number, at: number, start: number, end: number): number {
    const host = this.#programs.at(program)?.hosts[writer] as HostWriter
    return writeByHost(host, this.#memory, { at, start, end })
  }

  /** Returns the record of a message of the last call; of COPY, its offset. */
  recordOf(message: number): number {
    return this.#start + (this.#numbers[recordsAt / 4 + message] as number)
  }

  #load(run: RecordRun, programs: readonly Program[]): void {
    const { payload, start, end, tags, whats, stamps, count, walls, stampCount } = run
    payload.copy(this.#memory, inputAt, start, end)
    this.#numbers.set(tags.subarray(0, count), tagsAt / 4)
    this.#numbers.set(whats.subarray(0, count), whatsAt / 4)
    this.#numbers.set(stamps.subarray(0, count), stampNumbersAt / 4)
    this.#memory.set(new Uint8Array(walls.buffer, 0, stampBytes * stampCount), stampsAt)
    this.#programs.use(programs)
    this.#run = run
    this.#version = run.version
    this.#start = 0
  }

  #setStamp({ at: { wall, logical } }: CopyRun): void {
    this.#memory.writeBigUInt64LE(wall, stampsAt)
    this.#memory.writeUInt32LE(logical, stampsAt + 8)
  }

  /** Appends what the call has written to the batch. */
  #take(start: number, batch: MessageBatch): Encoded {
    const at = resultsAt / 4
    const [done = 0, messages = 0, bytes = 0, largest = 0, isLeft] = this.#numbers.subarray(at, at + resultNumbers)
    if (messages > 0) this.#append(messages, bytes, batch)
    return { done: start + done, isLeft: isLeft === 1, messages, largest }
  }

  #append(messages: number, bytes: number, batch: MessageBatch): void {
    const numbers = (at: number): Uint32Array => this.#numbers.subarray(at / 4, at / 4 + messages)
    batch.append(messages, {
      keyStarts: numbers(bordersAt),
      valueStarts: numbers(valueStartsAt),
      valueEnds: numbers(bordersAt + 4),
      nilValues: this.#memory.subarray(nilValuesAt, nilValuesAt + messages),
      bytes: this.#memory.subarray(outputAt, outputAt + bytes),
    })
  }
}

/** Says of the messages from `first` on that they are of the table. */
function fill(batch: MessageBatch, first: number, { topic, schema }: { topic: number; schema: number }): void {
  batch.topics.fill(topic, first, batch.count)
  batch.schemas.fill(schema, first, batch.count)
}
