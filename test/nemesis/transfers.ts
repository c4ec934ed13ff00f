// The application that writes to an attached PostgreSQL: it moves money between accounts, and the sum never changes. Each
// transfer has a number, which its rows show, and which a table that no changefeed reads keeps: whether a transfer is in the
// history of a server can be asked later.

import { setTimeout as delay } from 'node:timers/promises'
import { openRawConnection } from '../../src/postgres/raw-connection.ts'
import type { PostgresServerUnderTest } from '../support/postgres-server.ts'
import type { Random } from './random.ts'

export const accounts = 20
export const balance = 100
export const createBank = `CREATE TABLE bank (id INT PRIMARY KEY, balance INT, note TEXT, n INT);
  INSERT INTO bank SELECT i, ${balance}, '', 0 FROM generate_series(1, ${accounts}) i; CREATE TABLE done (n INT)`

export class Transfers {
  #last = 0
  committed = 0
  /** When each began, and when it was known to be committed, in milliseconds. */
  readonly times = new Map<number, { readonly from: number; readonly to: number }>()
  /** Those that a former primary has committed as a stray. */
  readonly stray = new Set<number>()

  /** Moves money on whatever server there is at the time until the signal. Several may run. */
  async run(server: () => PostgresServerUnderTest, random: Random, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const at = server()
      try {
        await using client = await openRawConnection({ source: at.localSource('app'), parameters: {} })
        while (!signal.aborted && server() === at) {
          if ((await this.#transfer(client, random)) !== undefined) this.committed += 1
          // Not faster than a machine with much else to do can read.
          await delay(2)
        }
      } catch {
        // PostgreSQL is down: that is what this test does to it.
        await delay(20)
      }
    }
  }

  /** Moves money on a former primary. */
  async onStray(stray: PostgresServerUnderTest, random: Random, count: number): Promise<void> {
    try {
      await using client = await openRawConnection({ source: stray.localSource('app'), parameters: {} })
      for (let i = 0; i < count; i++) {
        const n = await this.#transfer(client, random)
        if (n !== undefined) this.stray.add(n)
      }
    } catch {
      // It is none any more.
    }
  }

  /** Returns the number of the transfer. */
  async #transfer(client: { query(sql: string): Promise<unknown> }, random: Random): Promise<number | undefined> {
    const [a, b] = [1 + random.int(accounts), 1 + random.int(accounts)].sort((x, y) => x - y) as [number, number]
    if (a === b) return undefined
    const n = ++this.#last
    const from = Date.now()
    const amount = random.int(50)
    const big = random.chance(0.05)
      ? `UPDATE bank SET note = repeat('n', ${random.int(3000)}), n = ${n} WHERE id = ${a};`
      : ''
    await client.query(
      `BEGIN; INSERT INTO done VALUES (${n}); UPDATE bank SET balance = balance - ${amount}, n = ${n} WHERE id = ${a}; ${big} UPDATE bank SET balance = balance + ${amount}, n = ${n} WHERE id = ${b}; COMMIT`,
    )
    this.times.set(n, { from, to: Date.now() + 1 })
    return n
  }
}
