// Knows how much waits or is being sent, over all lanes of a sink. The lanes report every change, so that it is not necessary
// to go through a thousand lanes to find out whether anything is left.

/** A sink that holds more takes no further batch. */
export interface Budget {
  readonly bytes: number
  /** Undefined: any number. */
  readonly messages?: number | undefined
}

export class Backlog<Lane> {
  #bytes = 0
  #messages = 0
  readonly #mostBytes: number
  readonly #mostMessages: number
  readonly #waiting = new Set<Lane>()
  readonly #busy = new Set<Lane>()

  constructor({ bytes, messages = Number.POSITIVE_INFINITY }: Budget) {
    this.#mostBytes = bytes
    this.#mostMessages = messages
  }

  /** The messages of all lanes. */
  get messages(): number {
    return this.#messages
  }

  get isOverBudget(): boolean {
    return this.#bytes > this.#mostBytes || this.#messages > this.#mostMessages
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

  /** A lane holds so much more than before, or less when the numbers are negative. */
  grow(bytes: number, messages = 0): void {
    this.#bytes += bytes
    this.#messages += messages
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
