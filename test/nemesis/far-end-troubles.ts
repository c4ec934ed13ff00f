// What happens to the far end of a sink: for a while it fails, it stands still, or its connections are cut.

import { setTimeout as delay } from 'node:timers/promises'
import type { Event } from './events.ts'
import type { Random } from './random.ts'

const maxMs = 3000

export interface FarEndTroubles {
  /** Requests fail in many ways, and some succeed, until `calm`. */
  fail(random: Random): void
  calm(): void
  /** Nothing is answered until `mend`. */
  break(): void
  mend(): void
  /** Closes all connections, wherever their requests are. */
  cut(): void
}

/** `name`: of the far end, in what is said. */
export function troublesOf(name: string, far: FarEndTroubles, random: Random): readonly Event[] {
  const fail = async (): Promise<void> => {
    far.fail(random)
    await delay(random.int(maxMs))
    far.calm()
  }
  const cut = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) {
      await delay(random.int(60))
      far.cut()
    }
  }
  return [
    [4, [`trouble at ${name}`, fail]],
    [2, [`freeze ${name}`, () => freeze(far, random)]],
    [3, [`cut connections to ${name}`, cut]],
  ]
}

export async function freeze(far: Pick<FarEndTroubles, 'break' | 'mend'>, random: Random): Promise<void> {
  far.break()
  await delay(random.int(maxMs))
  far.mend()
}
