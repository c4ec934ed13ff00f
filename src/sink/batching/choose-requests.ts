// Which of the waiting batches leave now, and in which requests: one for each broker that can take another.

import type { KafkaFlush } from '../kafka/spec.ts'
import type { PartitionQueue } from './lane.ts'

/** Of one request to one broker. */
const maxRequestBytes = 4 * 1024 * 1024

export interface GatherOptions {
  readonly waiting: Iterable<PartitionQueue>
  readonly flush: KafkaFlush
  /** Batches leave before they are full. */
  readonly isHurried: boolean
  readonly canTake: (broker: number) => boolean
}

export interface Gathered {
  /** By broker. */
  readonly requests: ReadonlyMap<number, readonly PartitionQueue[]>
  /** Something waits for more messages or for its time. */
  readonly isWaiting: boolean
}

export function gatherRequests({ waiting, flush, isHurried, canTake }: GatherOptions): Gathered {
  const { messages = 0, bytes = 0, frequencyMs, maxMessages = 0 } = flush
  // Without bounds of its own a message waits only for those that are under way.
  const isDue = isHurried || (frequencyMs === 0 && messages === 0 && bytes === 0)
  const isLarge = (queue: PartitionQueue): boolean =>
    (messages > 0 && queue.openCount >= messages) || (bytes > 0 && queue.openBytes >= bytes)
  const requests = new Map<number, PartitionQueue[]>()
  const sizes = new Map<number, { bytes: number; messages: number }>()
  let isWaiting = false
  for (const queue of waiting) {
    const { leader, nextBytes, nextCount } = queue
    if (!queue.hasFull && !isDue && !isLarge(queue)) isWaiting = true
    else if (canTake(leader)) {
      const request = requests.get(leader)
      const size = sizes.get(leader)
      if (request === undefined || size === undefined) {
        requests.set(leader, [queue])
        sizes.set(leader, { bytes: nextBytes, messages: nextCount })
      } else {
        if (size.bytes + nextBytes > maxRequestBytes) continue
        if (maxMessages > 0 && size.messages + nextCount > maxMessages) continue
        request.push(queue)
        size.bytes += nextBytes
        size.messages += nextCount
      }
    }
  }
  return { requests, isWaiting }
}
