// Lets so many do their work at a time; the others wait in line, if the line is not too long.

export interface SlotsOptions {
  readonly most: number
  readonly mostWaiting: number
  /** What those get for whom there is no place in the line. */
  readonly refusal: () => Error
}

export class Slots {
  readonly #options: SlotsOptions
  readonly #waiting: (() => void)[] = []
  #taken = 0

  constructor(options: SlotsOptions) {
    this.#options = options
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const { most, mostWaiting, refusal } = this.#options
    if (this.#taken < most) this.#taken += 1
    else if (this.#waiting.length >= mostWaiting) throw refusal()
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      // The slot goes to the next one in the line.
      const next = this.#waiting.shift()
      if (next === undefined) this.#taken -= 1
      else next()
    }
  }
}
