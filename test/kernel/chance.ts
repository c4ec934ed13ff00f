// Chance that can be repeated, with choices of equal weight.

import { Random } from '../nemesis/random.ts'

export class Chance {
  readonly #random: Random

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  /** In [0, most). */
  below(most: number): number {
    return this.#random.int(most)
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T
  }

  isOneIn(count: number): boolean {
    return this.below(count) === 0
  }
}
