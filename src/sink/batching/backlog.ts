// Knows how much waits or is being sent, over all lanes of a sink. The lanes report every change, so that it is not necessary
// to go through a thousand lanes to find out whether anything is left.

export class Backlog<Lane> {
  #bytes = 0
  readonly #budgetBytes: number
  readonly #waiting = new Set<Lane>()
  readonly #busy = new Set<Lane>()

  /** `budgetBytes`: a sink that holds more takes no further batch. */
  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  get isOverBudget(): boolean {
    return this.#bytes > this.#budgetBytes
  }

  /** The lanes that have messages and of which no batch is being sent. */
  get waiting(): Iterable<Lane> {
    return this.#waiting
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#busy.size === 0
  }

  /** A batch is being sent, or will be sent again. */
  get isBusy(): boolean {
    return this.#busy.size > 0
  }

  /** A lane holds `bytes` more than before, or less when the number is negative. */
  grow(bytes: number): void {
    this.#bytes += bytes
  }

  /** The lane has messages, and no batch of it is being sent. */
  addWaiting(lane: Lane): void {
    this.#busy.delete(lane)
    this.#waiting.add(lane)
  }

  /** A batch of the lane is being sent, or will be sent again. */
  addBusy(lane: Lane): void {
    this.#waiting.delete(lane)
    this.#busy.add(lane)
  }

  /** The lane has no messages any more. */
  remove(lane: Lane): void {
    this.#busy.delete(lane)
  }
}
