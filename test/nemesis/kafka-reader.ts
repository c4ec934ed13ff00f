// A consumer of the topics of a job: keeps every message with the partition it came from.

import { compareHlc, earlierHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
import { AvroRecords } from '../feed/avro-records.ts'
import { hlcOf } from '../feed/test-feed.ts'
import { TopicReader, type TopicMessage } from '../services/kafka/topic-reader.ts'
import type { RowNote, Validator } from '../validators/validator.ts'
import type { Collected } from './judge.ts'

interface ResolvedNote {
  readonly partition: string
  readonly resolved: Hlc
  readonly cameAt: bigint
}

export interface KafkaReaderOptions {
  readonly bootstrap: string
  readonly prefix: string
  /** Without the prefix. */
  readonly topics: readonly string[]
  readonly partitionsPerTopic: number
  /** The URL of the registry with the schemas of the messages; undefined: they are JSON. */
  readonly registry: string | undefined
}

export class KafkaReader implements Collected, AsyncDisposable {
  readonly #notes: (RowNote | ResolvedNote)[] = []
  readonly #resolved = new Map<string, Hlc>()
  readonly #reader: TopicReader
  readonly #prefix: string
  readonly #records: AvroRecords | undefined

  constructor({ bootstrap, prefix, topics, partitionsPerTopic, registry }: KafkaReaderOptions) {
    this.#prefix = prefix
    this.#records = registry === undefined ? undefined : new AvroRecords(registry)
    for (const topic of topics)
      for (let p = 0; p < partitionsPerTopic; p++) this.#resolved.set(`${topic}/${p}`, zeroHlc)
    this.#reader = new TopicReader(
      bootstrap,
      topics.map((topic) => prefix + topic),
      (message) => this.#take(message),
    )
  }

  get partitions(): readonly string[] {
    return [...this.#resolved.keys()]
  }

  get resolved(): Hlc {
    return [...this.#resolved.values()].reduce(earlierHlc)
  }

  rows(): RowNote[] {
    return this.#notes.filter((note) => 'key' in note)
  }

  replay(validator: Validator): void {
    for (const note of this.#notes) {
      if ('key' in note) validator.noteRow(note)
      else validator.noteResolved(note.partition, note.resolved, note.cameAt)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader[Symbol.asyncDispose]()
  }

  /** Throws when a message could not be read. */
  async done(): Promise<void> {
    await this.#records?.done()
  }

  #take(message: TopicMessage): void {
    const { key, value } = message
    if (this.#records === undefined) this.#note(message, key?.toString(), value?.toString() ?? '')
    else
      this.#records.read(key, value, (keyText, valueText) =>
        this.#note(message, key === null ? undefined : keyText, valueText),
      )
  }

  /** `key`: undefined, for a resolved message. */
  #note({ topic: prefixed, partition: number }: TopicMessage, key: string | undefined, value: string): void {
    const topic = prefixed.slice(this.#prefix.length)
    const partition = `${topic}/${number}`
    if (key !== undefined) {
      this.#notes.push({ partition, topic, key, value, updated: hlcOf(value, 'updated') })
      return
    }
    const resolved = hlcOf(value, 'resolved')
    this.#notes.push({ partition, resolved, cameAt: BigInt(Date.now()) * 1_000_000n })
    if (compareHlc(resolved, this.#resolved.get(partition) ?? zeroHlc) > 0) this.#resolved.set(partition, resolved)
  }
}
