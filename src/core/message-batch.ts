// The unit that flows from a feed to its sink: many encoded messages in one buffer, their borders in columns.
// No object, string or copy per row. A batch is filled by one feed, handed to `Sink.emit`, and cleared and filled again
// once that settles.

import { ByteWriter } from '../bytes/byte-writer.ts'
import { grown } from '../bytes/grow.ts'

/** Of key and value. Hardly any sink refuses a smaller message for its size. */
export const largeMessageBytes = 1024
/** More than the batches of a running feed have; columns larger than this are given back. */
const keepMessages = 256 * 1024

export class MessageBatch {
  /** Key and value bytes of all messages, one behind the other: key 0, value 0, key 1, value 1, … */
  readonly bytes: ByteWriter
  count = 0
  /** Index into the feed's topics (`FeedSpec.targets`). */
  topics = new Uint16Array(1024)
  /** The number of the schema each message was written with, as `Encoder.prepare` returned it; 0: its format has none. */
  schemas = new Uint32Array(1024)
  keyStarts = new Uint32Array(1024)
  /** Where the key ends is where the value starts. */
  valueStarts = new Uint32Array(1024)
  valueEnds = new Uint32Array(1024)
  /** 1: the message has no value at all (a Kafka tombstone), not an empty one. */
  nilValues = new Uint8Array(1024)
  /** When the row of a large message was committed (`mvcc_timestamp`), by the index of the message: for errors. */
  readonly largeTimes = new Map<number, string>()

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

  /** Call behind the value; the message now counts. */
  end(hasValue: boolean): void {
    this.valueEnds[this.count] = this.bytes.length
    this.nilValues[this.count] = hasValue ? 0 : 1
    this.count += 1
  }

  /** Bytes of the last message. */
  get lastBytes(): number {
    return this.bytes.length - (this.keyStarts[this.count - 1] as number)
  }

  clear(): void {
    this.bytes.clear()
    this.count = 0
    if (this.largeTimes.size > 0) this.largeTimes.clear()
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
