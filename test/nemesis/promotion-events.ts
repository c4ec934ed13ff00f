// What can happen to a primary and its standby.

import type { BankReader } from './bank-reader.ts'
import type { Cluster, Leaving } from './cluster.ts'
import type { Event } from './events.ts'
import type { Random } from './random.ts'
import type { Transfers } from './transfers.ts'

export interface PromotionEventOptions {
  readonly cluster: Cluster
  readonly transfers: Transfers
  readonly random: Random
  readonly reader: BankReader
  /** Waits until the feed has shown what the present primary has now. */
  readonly caughtUp: () => Promise<void>
}

export interface PromotionEvents {
  readonly promote: Event
  /** Those that are possible now. */
  readonly possible: () => readonly Event[]
  /** Transfers of a former primary that came back when the feed had followed the new one: none of them may ever come. */
  readonly unseen: ReadonlySet<number>
}

export function promotionEvents({
  cluster,
  transfers,
  random,
  reader,
  caughtUp,
}: PromotionEventOptions): PromotionEvents {
  const unseen = new Set<number>()

  const promote = async (): Promise<string> => {
    const leaving = random.pick<Leaving>([
      [1, 'shut down'],
      [2, 'crash'],
      [3, 'lag'],
      [1, 'stay'],
    ])
    const leaves = random.chance(0.3)
    if (leaves) reader.leave()
    await cluster.promote(leaving, 100 + random.int(1000))
    // Some of its clients have not heard of it.
    await strayWrites()
    return `promote the standby, the primary has: ${leaving}${leaves ? ', and the feed begins anew' : ''}`
  }
  const strayWrites = async (): Promise<void> => {
    const { stray } = cluster
    if (stray !== undefined) await transfers.onStray(stray, random, 1 + random.int(40))
  }
  const bringBack = async (): Promise<string> => {
    const isKnown = random.chance(0.7)
    if (isKnown) await caughtUp()
    await cluster.bringBack()
    const before = new Set(transfers.stray)
    await strayWrites()
    if (isKnown) for (const n of transfers.stray) if (!before.has(n)) unseen.add(n)
    const cuts = random.chance(0.5)
    if (cuts) cluster.cutAll()
    const leaves = random.chance(0.5)
    if (leaves) reader.leave()
    return `the former primary comes back${isKnown ? ' to a feed that follows the new one' : ''}${cuts ? ', connections are cut' : ''}${leaves ? ', the feed begins anew' : ''}`
  }
  const promotion: Event = [6, ['promote the standby', promote]]
  return {
    promote: promotion,
    possible: () => [
      promotion,
      ...(cluster.isFormerAway ? ([[12, ['the former primary comes back', bringBack]]] as const) : []),
      ...(cluster.stray === undefined ? [] : ([[4, ['the former primary ends', () => cluster.stopStray()]]] as const)),
      cluster.hasStandby
        ? [2, ['restart the standby', () => cluster.restartStandby()]]
        : [2, ['make a standby', () => cluster.renew()]],
    ],
    unseen,
  }
}
