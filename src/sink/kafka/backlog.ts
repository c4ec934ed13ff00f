// What waits and what is under way, over all partitions of a sink: counted where it changes, so that nobody walks through
// a thousand partitions to know whether anything is left.

import type { PartitionQueue } from './partition-queue.ts'

export class Backlog {
  bytes = 0
  /** Hold something and have nothing under way. */
  readonly waiting = new Set<PartitionQueue>()
  /** Have a batch under way, or wait for another try of it. */
  readonly busy = new Set<PartitionQueue>()

  get isEmpty(): boolean {
    return this.waiting.size === 0 && this.busy.size === 0
  }

  /** Every batch leaves as it is, full or not. */
  closeAll(): void {
    for (const queue of this.waiting) queue.close()
    for (const queue of this.busy) queue.close()
  }
}
