// A consumer of the topics of a job: keeps every message with the partition it came from.

import { compareHlc, earlierHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
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
}

export class KafkaReader implements Collected, AsyncDisposable {
  readonly #notes: (RowNote | ResolvedNote)[] = []
  readonly #resolved = new Map<string, Hlc>()
  readonly #reader: TopicReader
  readonly #prefix: string

  constructor({ bootstrap, prefix, topics, partitionsPerTopic }: KafkaReaderOptions) {
    this.#prefix = prefix
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

  #take({ topic: prefixed, partition: number, key, value }: TopicMessage): void {
    const topic = prefixed.slice(this.#prefix.length)
    const partition = `${topic}/${number}`
    const text = value?.toString() ?? ''
    if (key !== null) {
      this.#notes.push({ partition, topic, key: key.toString(), value: text, updated: hlcOf(text, 'updated') })
      return
    }
    const resolved = hlcOf(text, 'resolved')
    this.#notes.push({ partition, resolved, cameAt: BigInt(Date.now()) * 1_000_000n })
    if (compareHlc(resolved, this.#resolved.get(partition) ?? zeroHlc) > 0) this.#resolved.set(partition, resolved)
  }
}
