// Where the rows of each topic go: a slot has one open file. Topics of the same name share a slot while they write with the same schema, so
// that many tables of the same name and columns have few files, and tables with other columns do not end each other's files.

import { topicInName } from './file-names.ts'
import type { OpenFile } from './open-file.ts'
import type { StreamedFile } from './upload-queue.ts'

export interface Slot {
  /** The topic in names of files. */
  readonly name: string
  readonly schema: number
  file: OpenFile | undefined
  /** The open file is being written in parts. */
  streamed: StreamedFile | undefined
}

export class Slots {
  readonly #names: readonly string[]
  /** The slot of the latest rows of each topic. */
  readonly #of: (Slot | undefined)[]
  /** Those in use, by name and schema. */
  readonly #all = new Map<string, Slot>()

  constructor(topics: readonly string[]) {
    this.#names = topics.map((topic) => topicInName(topic))
    this.#of = topics.map(() => undefined)
  }

  /** Returns undefined if the topic has had no rows. */
  of(topic: number): Slot | undefined {
    return this.#of[topic]
  }

  /** The rows of a topic have another schema from here on. The file of the slot before must be finished: it has the rows so far. */
  move(topic: number, schema: number): Slot {
    const before = this.#of[topic]
    const name = this.#names[topic] as string
    const key = keyOf({ name, schema })
    let slot = this.#all.get(key)
    if (slot === undefined) this.#all.set(key, (slot = { name, schema, file: undefined, streamed: undefined }))
    this.#of[topic] = slot
    if (before !== undefined && !this.#of.includes(before)) this.#all.delete(keyOf(before))
    return slot
  }

  all(): Iterable<Slot> {
    return this.#all.values()
  }

  /** In the order in which a flush finishes their files. */
  byName(): readonly Slot[] {
    return [...this.#all.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  }
}

function keyOf({ name, schema }: Pick<Slot, 'name' | 'schema'>): string {
  return `${schema} ${name}`
}
