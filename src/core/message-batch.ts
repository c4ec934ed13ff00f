// The unit that a feed gives to its sink: many encoded messages in one buffer, and arrays with their offsets, so that no row
// costs an object, a string or a copy. One feed fills a batch, gives it to `Sink.emit`, and clears and fills it again when
// that settles.

import { ByteWriter } from '../bytes/byte-writer.ts'
import { grown } from '../bytes/grow.ts'
import { LargeTimes, type LargeTimesMemory } from './large-times.ts'

/** The size of key and value from which a message is large. Hardly any sink refuses a smaller message for its size. */
export const largeMessageBytes = 1024
/** More messages than the batches of a running feed usually have. A batch that had more frees its arrays when it is cleared. */
const keepMessages = 256 * 1024

/** Encoded messages outside of a batch, one after the other. */
export interface EncodedMessages {
  readonly keyStarts: Uint32Array
  readonly valueStarts: Uint32Array
  readonly valueEnds: Uint32Array
  readonly nilValues: Uint8Array
  readonly bytes: Buffer
}

/** What a batch holds, as it is on its way to another thread. */
export interface BatchMemory extends Pick<
  MessageBatch,
  'count' | 'hasKeys' | 'topics' | 'schemas' | 'keyStarts' | 'valueStarts' | 'valueEnds' | 'nilValues'
> {
  readonly buffer: Uint8Array<ArrayBuffer>
  readonly length: number
  readonly largeTimes: LargeTimesMemory
}

export class MessageBatch {
  /** The keys and values of all messages without anything in between: key 0, value 0, key 1, value 1, … */
  readonly bytes: ByteWriter
  count = 0
  /** False: the messages have no key at all, not an empty one. */
  hasKeys = true
  /** The topics of the messages, as indexes into `FeedSpec.targets`. */
  topics = new Uint16Array(1024)
  /** The schemas that the messages were written with: the numbers that `Encoder.prepare` returned. */
  schemas = new Uint32Array(1024)
  keyStarts = new Uint32Array(1024)
  /** A key ends where the value starts. */
  valueStarts = new Uint32Array(1024)
  valueEnds = new Uint32Array(1024)
  /** 1: the message has no value at all (a Kafka tombstone), not an empty one. */
  nilValues = new Uint8Array(1024)
  /** For errors: when the row of a large message was committed (`mvcc_timestamp`), by the index of the message. */
  readonly largeTimes = new LargeTimes()
  /** When the first of the messages was committed, in ms since 1970, for metrics; NaN: they are rows of a scan. */
  committedMs = Number.NaN
  /** When the first of them was encoded, as `performance.now()` counts. */
  begunAtMs = 0

  constructor(initialBytes = 256 * 1024) {
    this.bytes = new ByteWriter(initialBytes)
  }

  /** Call before writing a key into `bytes`. */
  begin(topic: number, schema = 0): void {
    if (this.count === this.topics.length) this.#grow()
    this.topics[this.count] = topic
    this.schemas[this.count] = schema
    this.keyStarts[this.count] = this.bytes.length
  }

  /** Call between key and value. */
  endKey(): void {
    this.valueStarts[this.count] = this.bytes.length
  }

  /** Call after the value; only then the message is part of the batch. */
  end(hasValue: boolean): void {
    this.valueEnds[this.count] = this.bytes.length
    this.nilValues[this.count] = hasValue ? 0 : 1
    this.count += 1
  }

  /** Adds messages whose offsets are those that they get in `bytes`. Returns the index of the first; the caller sets topics and schemas. */
  append(messages: number, { keyStarts, valueStarts, valueEnds, nilValues, bytes }: EncodedMessages): number {
    const first = this.count
    while (first + messages > this.topics.length) this.#grow()
    this.keyStarts.set(keyStarts, first)
    this.valueStarts.set(valueStarts, first)
    this.valueEnds.set(valueEnds, first)
    this.nilValues.set(nilValues, first)
    this.bytes.copy(bytes)
    this.count = first + messages
    return first
  }

  /** Counts the messages by their size: each power of two is a place of `counts`, the first one is for all up to 2 to the power of `least`. */
  countSizes(counts: Uint32Array, least: number): void {
    const { keyStarts, valueEnds } = this
    const last = counts.length - 1
    for (let i = 0; i < this.count; i++) {
      const size = (valueEnds[i] as number) - (keyStarts[i] as number)
      const place = 32 - Math.clz32(Math.max(size - 1, 0)) - least
      const at = place < 0 ? 0 : place > last ? last : place
      counts[at] = (counts[at] as number) + 1
    }
  }

  /** The size in bytes of the last message. */
  get lastBytes(): number {
    return this.bytes.length - (this.keyStarts[this.count - 1] as number)
  }

  /** Gives what the batch holds to another thread, with the buffers to transfer. The batch must not be used before `take`. */
  give(): { readonly memory: BatchMemory; readonly transfer: ArrayBuffer[] } {
    const { bytes, count, hasKeys, topics, schemas, keyStarts, valueStarts, valueEnds, nilValues } = this
    const columns = { topics, schemas, keyStarts, valueStarts, valueEnds, nilValues }
    const buffer = bytes.buffer as Uint8Array<ArrayBuffer>
    return {
      memory: { buffer, length: bytes.length, count, hasKeys, largeTimes: this.largeTimes.give(), ...columns },
      transfer: [buffer.buffer, ...Object.values(columns).map((column) => column.buffer)],
    }
  }

  /** Takes what another batch has given. */
  take({ buffer, length, largeTimes, ...rest }: BatchMemory): void {
    this.bytes.buffer = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.length)
    this.bytes.length = length
    Object.assign(this, rest)
    this.largeTimes.take(largeTimes)
  }

  clear(): void {
    this.bytes.clear()
    this.count = 0
    this.largeTimes.clear()
    if (this.topics.length > keepMessages) this.#startSmall()
  }

  #startSmall(): void {
    this.topics = new Uint16Array(1024)
    this.schemas = new Uint32Array(1024)
    this.keyStarts = new Uint32Array(1024)
    this.valueStarts = new Uint32Array(1024)
    this.valueEnds = new Uint32Array(1024)
    this.nilValues = new Uint8Array(1024)
  }

  #grow(): void {
    this.topics = grown(this.topics)
    this.schemas = grown(this.schemas)
    this.keyStarts = grown(this.keyStarts)
    this.valueStarts = grown(this.valueStarts)
    this.valueEnds = grown(this.valueEnds)
    this.nilValues = grown(this.nilValues)
  }
}
