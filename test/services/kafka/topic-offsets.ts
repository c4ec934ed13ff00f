// How far a reader of topics is: the next offset of each partition, and of which topic that is. A topic that is made anew has the same
// name and another id.

export class TopicOffsets {
  /** By topic and partition. */
  readonly #next = new Map<string, Map<number, bigint>>()
  /** Of the topics whose offsets these are. */
  readonly #ids = new Map<string, string>()
  readonly #restart: (why: string) => void

  /** `restart` is called before offsets that were read are given up; the error that it throws keeps them. */
  constructor(restart: (why: string) => void) {
    this.#restart = restart
  }

  /** Undefined: nothing of the partition was read. */
  next(topic: string, partition: number): bigint | undefined {
    return this.#next.get(topic)?.get(partition)
  }

  move(topic: string, partition: number, to: bigint): void {
    const partitions = this.#next.get(topic) ?? new Map<number, bigint>()
    partitions.set(partition, to)
    this.#next.set(topic, partitions)
  }

  /** The partition begins later than where it was to be read on. */
  moveToStart(topic: string, partition: number, start: bigint): void {
    const next = this.next(topic, partition)
    if (next !== undefined)
      this.#restart(
        `partition ${partition} of topic ${topic} does not have offset ${next} and begins with ${start} now`,
      )
    this.move(topic, partition, start)
  }

  /** A broker says that this is the id of the topic. */
  see(topic: string, id: string): void {
    if (this.#ids.get(topic) !== id && this.#next.has(topic)) {
      this.#restart(`topic ${topic} was made anew`)
      this.#next.delete(topic)
    }
    this.#ids.set(topic, id)
  }
}
