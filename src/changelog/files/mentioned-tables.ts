// The relations that records mention. Nearly all transactions have one: then nothing is allocated, neither for a row nor for a transaction.

const none = -1

export class MentionedTables {
  #first = none
  readonly #others = new Set<number>()

  add(relid: number): void {
    if (relid === this.#first) return
    if (this.#first === none) this.#first = relid
    else this.#others.add(relid)
  }

  addAll(from: MentionedTables): void {
    if (from.#first !== none) this.add(from.#first)
    if (from.#others.size > 0) for (const relid of from.#others) this.add(relid)
  }

  clear(): void {
    this.#first = none
    // A set gets new memory when it is cleared.
    if (this.#others.size > 0) this.#others.clear()
  }

  toSet(): ReadonlySet<number> {
    return this.#first === none ? new Set() : new Set([this.#first, ...this.#others])
  }
}
