// For tests: kill -9 of the program, of PostgreSQL, and of both, at random moments under load. The reader goes on from the last
// resolved timestamp it saw, as a user would; then every validator must be silent and nothing may be missing.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { formatHlc, laterHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { hlcOf } from '../feed/test-feed.ts'
import type { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { BeforeAfterValidator } from '../validators/before-after.ts'
import { CompositeValidator } from '../validators/composite.ts'
import { OrderValidator } from '../validators/order.ts'
import { SnapshotValidator } from '../validators/snapshot.ts'

const accounts = 20
const killsPerSeed = Number(process.env['KILLS'] ?? 4)

/** A small generator of even numbers in [0, 1): the same seed, the same run of choices. */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296
  }
}

/** Moves money between accounts until the signal; the sum over all accounts never changes. */
async function transfer(server: TestServer, chance: () => number, signal: AbortSignal): Promise<number> {
  let committed = 0
  while (!signal.aborted) {
    try {
      const client = await server.connect()
      try {
        while (!signal.aborted) {
          const [a, b] = [1 + Math.floor(chance() * accounts), 1 + Math.floor(chance() * accounts)].sort(
            (x, y) => x - y,
          ) as [number, number]
          if (a === b) continue
          const amount = Math.floor(chance() * 50)
          const big = chance() < 0.05 ? `UPDATE bank SET note = repeat('n', 20000) WHERE id = ${a};` : ''
          await client.query(
            `BEGIN; UPDATE bank SET balance = balance - ${amount} WHERE id = ${a}; ${big} UPDATE bank SET balance = balance + ${amount} WHERE id = ${b}; COMMIT`,
          )
          committed += 1
        }
      } finally {
        await client.end().catch(() => undefined)
      }
    } catch {
      // The server is down: that is what this test does to it.
      await delay(20)
    }
  }
  return committed
}

export interface KillsUnderLoad {
  readonly server: TestServer
  readonly seed: number
  /** What the table needs. */
  readonly prepareSql?: (table: string) => string
}

export async function killUnderLoad({ server, seed, prepareSql }: KillsUnderLoad): Promise<void> {
  const chance = random(seed)
  await server.sql('CREATE TABLE bank (id INT PRIMARY KEY, balance INT, note TEXT)')
  if (prepareSql !== undefined) await server.sql(prepareSql('bank'))
  await server.sql(`INSERT INTO bank SELECT i, 100, '' FROM generate_series(1, ${accounts}) i`)

  const order = new OrderValidator({ strict: true })
  const snapshot = new SnapshotValidator('bank', 'balance', BigInt(100 * accounts))
  const beforeAfter = new BeforeAfterValidator()
  const validator = new CompositeValidator([order, snapshot, beforeAfter])
  let resolved: Hlc = zeroHlc
  let isReading = true
  const read = async (): Promise<void> => {
    while (isReading) {
      const cursor = resolved.wall === 0n ? '' : `, cursor = '${formatHlc(resolved)}'`
      let feed
      try {
        feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR bank WITH updated, diff, resolved${cursor}`)
      } catch {
        // The server is down, and is tried again.
        await delay(50)
        continue
      }
      let next = 0
      while (isReading) {
        for (; next < feed.messages.length; next++) {
          const { topic, key, value } = feed.messages[next] as (typeof feed.messages)[number]
          if (topic === undefined) {
            const ts = hlcOf(value, 'resolved')
            validator.noteResolved('', ts)
            resolved = laterHlc(resolved, ts)
          } else validator.noteRow({ partition: '', topic, key, value, updated: hlcOf(value, 'updated') })
        }
        if (feed.isOver && next === feed.messages.length) break
        // It asks again for messages.
        await delay(5)
      }
      await feed[Symbol.asyncDispose]()
      if (feed.error !== undefined && /missing|GC threshold|fell behind/.test(feed.error.message)) throw feed.error
    }
  }
  const reading = read()
  reading.catch(() => undefined)
  await until('the feed runs', 20_000, () => (resolved.wall > 0n ? true : undefined))

  const stop = new AbortController()
  const writers = [1, 2, 3].map((n) => transfer(server, random(seed * 100 + n), stop.signal))
  for (let kill = 0; kill < killsPerSeed; kill++) {
    // The kill comes at a random moment.
    await delay(300 + chance() * 1200)
    const what = chance()
    if (what < 0.66) await server.kill()
    if (what > 0.33) server.killPostgres()
    if (what < 0.66) await server.restart()
  }
  // There is load for a while after the last kill.
  await delay(500)
  stop.abort()
  const committed = (await Promise.all(writers)).reduce((sum, n) => sum + n, 0)
  // Everything committed so far has a timestamp below that of a later one.
  const last = await until('PostgreSQL is back', 30_000, async () => {
    try {
      return BigInt(
        String(
          (await server.sql('SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::int8::text AS now'))[0]?.[
            'now'
          ],
        ),
      )
    } catch {
      return undefined
    }
  })
  const finished = until('a resolved timestamp after the last commit', 60_000, () =>
    resolved.wall > last ? true : undefined,
  )
  await Promise.race([finished, reading])
  isReading = false
  await reading

  assert.deepEqual(validator.failures(), [])
  assert.ok(committed > 50, `only ${committed} transfers`)
  assert.ok(snapshot.checked > 10)
  const rows = await server.sql('SELECT id::text, balance::text FROM bank')
  const table = new Map(rows.map(({ id, balance }) => [`[${String(id)}]`, BigInt(String(balance))]))
  assert.deepEqual(new Map([...snapshot.state].sort()), new Map([...table].sort()))
}
