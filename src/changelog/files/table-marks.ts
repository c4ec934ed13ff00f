// For each table the end of the last block with a record of it, in memory that all threads share: by it a reader knows that
// the blocks from its position to the head are not about its tables, without reading them. The writer raises marks before it
// publishes the block, so a reader that has read the head finds the marks of everything before it.
//
// The memory is of one size, however many tables there are: tables share slots by a hash of their oids. A reader may so find a
// mark that another table has raised, and then reads blocks for nothing; it never misses one. What concerns every reader
// (descriptions of tables, gaps, and whatever was written before this process) raises the mark of news.

const slotBits = 12
const news = 1 << slotBits

export const tableMarkBytes = (news + 1) * BigInt64Array.BYTES_PER_ELEMENT

export class TableMarks {
  readonly #marks: BigInt64Array

  constructor(shared: SharedArrayBuffer, offset: number) {
    this.#marks = new BigInt64Array(shared, offset, news + 1)
  }

  /** A block that ends at `end` has records of these tables. Only the writer calls this. */
  raise(relids: Iterable<number>, end: number): void {
    const mark = BigInt(end)
    for (const relid of relids) Atomics.store(this.#marks, slotOf(relid), mark)
  }

  /** A block that ends at `end` concerns every reader. */
  raiseNews(end: number): void {
    Atomics.store(this.#marks, news, BigInt(end))
  }

  /** Whether a block that ends after `position` concerns readers of the tables with these slots. */
  isPast(position: number, { slots }: MarkedTables): boolean {
    const limit = BigInt(position)
    if (Atomics.load(this.#marks, news) > limit) return true
    for (const slot of slots) if (Atomics.load(this.#marks, slot) > limit) return true
    return false
  }
}

/** The slots of the tables of one reader. */
export class MarkedTables {
  #tables: readonly number[] = []
  #known = 0
  readonly #slots = new Set<number>()

  get slots(): Iterable<number> {
    return this.#slots
  }

  /** Takes the tables of a list that may have grown since the last call. */
  of(tables: readonly number[]): this {
    if (tables !== this.#tables) {
      this.#tables = tables
      this.#slots.clear()
      this.#known = 0
    }
    for (; this.#known < tables.length; this.#known++) this.#slots.add(slotOf(tables[this.#known] as number))
    return this
  }
}

/** Oids of tables that were made together lie close to each other; the multiplication spreads them over all slots. */
function slotOf(relid: number): number {
  return Math.imul(relid, 0x9e3779b1) >>> (32 - slotBits)
}
