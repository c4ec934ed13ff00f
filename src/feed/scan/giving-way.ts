// How a scan goes on after it has given its locks back to let a DDL pass. If DDL came so often that no range of pages could be
// finished in between, the scan would read the same pages for ever. So after an attempt that has finished none, the ranges get
// smaller and the pause longer, and after one that has finished some, larger and shorter again.

import { chunkPages } from '../../scan/chunks.ts'

const shrinkBits = 2
const leastPages = 4
const firstPauseMs = 100
const mostPauseMs = 5000

export class GivingWay {
  #fruitless = 0
  hasGivenWay = false

  /** The pages of a range in the next attempt. */
  get chunkPages(): number {
    return Math.max(leastPages, chunkPages >> (shrinkBits * this.#fruitless))
  }

  /** How long the next attempt waits at least, so that the scan is no burden for the source. */
  get pauseMs(): number {
    return Math.min(mostPauseMs, firstPauseMs << this.#fruitless)
  }

  /** Called when an attempt has given way. */
  gaveWay(hasFinishedPages: boolean): void {
    this.hasGivenWay = true
    this.#fruitless = hasFinishedPages ? Math.max(0, this.#fruitless - 1) : Math.min(this.#fruitless + 1, 8)
  }
}
