// Counts which tables of a source are needed now, by changefeeds that run or start on this server.

export class TableUses {
  readonly #counts = new Map<number, number>()

  get isEmpty(): boolean {
    return this.#counts.size === 0
  }

  get relids(): readonly number[] {
    return [...this.#counts.keys()]
  }

  /** Marks tables as needed; returns the function that ends the need. */
  hold(relids: readonly number[]): () => void {
    for (const relid of relids) this.#counts.set(relid, (this.#counts.get(relid) ?? 0) + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      for (const relid of relids) {
        const count = (this.#counts.get(relid) ?? 0) - 1
        if (count > 0) this.#counts.set(relid, count)
        else this.#counts.delete(relid)
      }
    }
  }
}
