// Random changes of a partitioned table and of its partitions, beside a changefeed: in the end the changefeed has said of each row what
// the table has, and of the rows of detached and dropped partitions what they were when they left.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

const seeds = [1, 2, 3]
const steps = 80

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

/** Numbers that are the same for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 3_266_489_917) >>> 0
    return (state >>> 3) % below
  }
}

class Chaos {
  readonly #t: string
  readonly #pick: (below: number) => number
  #ranges = 0
  /** Those that were added. */
  readonly #columns: string[] = []
  /** Partitions of the table, and tables that have been partitions, by the number of their range. */
  readonly attached = new Set<number>()
  readonly detached = new Set<number>()
  readonly done: string[] = []

  constructor(t: string, seed: number) {
    this.#t = t
    this.#pick = random(seed)
  }

  async run(sql: string): Promise<void> {
    this.done.push(sql)
    await server.sql(sql)
  }

  #bounds(range: number): string {
    return `FOR VALUES FROM (${range * 10}) TO (${range * 10 + 10})`
  }

  #oneOf(ranges: ReadonlySet<number>): number | undefined {
    return [...ranges][this.#pick(Math.max(1, ranges.size))]
  }

  #id(): number {
    return (this.#oneOf(this.attached) ?? 0) * 10 + this.#pick(10)
  }

  async create(): Promise<void> {
    const range = this.#ranges++
    await this.run(`CREATE TABLE ${this.#t}_${range} PARTITION OF ${this.#t} ${this.#bounds(range)}`)
    this.attached.add(range)
  }

  async attach(): Promise<void> {
    const range = this.#ranges++
    const first = range * 10
    const name = `${this.#t}_${range}`
    const inside = this.#pick(2) === 0
    const sql = [
      `CREATE TABLE ${name} (${this.#columns.map((column) => `${column} int, `).join('')}v int, gone int, id int NOT NULL); ALTER TABLE ${name} DROP COLUMN gone`,
      `INSERT INTO ${name} (id, v) SELECT i, -1 FROM generate_series(${first}, ${first + this.#pick(9)}) i`,
      `ALTER TABLE ${this.#t} ATTACH PARTITION ${name} ${this.#bounds(range)}`,
      `UPDATE ${this.#t} SET v = -2 WHERE id = ${first + this.#pick(10)}`,
    ]
    if (inside) await this.run(`BEGIN; ${sql.join('; ')}; COMMIT`)
    else for (const one of sql) await this.run(one)
    this.attached.add(range)
  }

  async detach(): Promise<void> {
    if (this.attached.size < 3) return
    const range = this.#oneOf(this.attached) as number
    const way = this.#pick(4)
    const name = `${this.#t}_${range}`
    if (way === 0) await this.run(`DROP TABLE ${name}`)
    else await this.run(`ALTER TABLE ${this.#t} DETACH PARTITION ${name}${way === 1 ? ' CONCURRENTLY' : ''}`)
    this.attached.delete(range)
    this.detached.add(range)
    // Nobody is to hear of this.
    if (way > 1) await this.run(`UPDATE ${name} SET v = -9`)
  }

  async rows(): Promise<void> {
    const count = 1 + this.#pick(5)
    const sql: string[] = []
    for (let i = 0; i < count; i++) {
      const kind = this.#pick(10)
      if (kind < 5)
        sql.push(`INSERT INTO ${this.#t} (id, v) VALUES (${this.#id()}, ${this.#pick(100)}) ON CONFLICT DO NOTHING`)
      else if (kind < 7) sql.push(`UPDATE ${this.#t} SET v = v + 1 WHERE id = ${this.#id()}`)
      else if (kind < 9) sql.push(this.#move())
      else sql.push(`DELETE FROM ${this.#t} WHERE id = ${this.#id()}`)
    }
    await this.run(this.#pick(2) === 0 ? `BEGIN; ${sql.join('; ')}; COMMIT` : sql.join('; '))
  }

  #move(): string {
    const to = this.#id()
    return `UPDATE ${this.#t} SET id = ${to} WHERE id = ${this.#id()} AND NOT EXISTS (SELECT FROM ${this.#t} WHERE id = ${to})`
  }

  async step(): Promise<void> {
    const kind = this.#pick(20)
    if (kind === 0) await this.create()
    else if (kind === 1) await this.attach()
    else if (kind === 2) await this.detach()
    else if (kind === 3 && this.#pick(3) === 0) {
      const column = `c${this.#columns.length}`
      await this.run(`ALTER TABLE ${this.#t} ADD COLUMN ${column} int DEFAULT 5`)
      this.#columns.push(column)
    } else await this.rows()
  }
}

function numbers(row: Record<string, unknown>): Record<string, number | null> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === null ? null : Number(value)]))
}

for (const seed of seeds) {
  test(`seed ${seed}: the changefeed ends up with what the table has`, { timeout: 500_000 }, async () => {
    const t = `r${seed}`
    const chaos = new Chaos(t, seed)
    await server.sql(
      `CREATE TABLE ${t} (id int PRIMARY KEY, v int) PARTITION BY RANGE (id); CREATE TABLE other${seed} (id int PRIMARY KEY)`,
    )
    for (let i = 0; i < 3; i++) await chaos.create()
    for (let i = 0; i < 5; i++) await chaos.rows()
    const statement = `CREATE CHANGEFEED FOR ${t}, other${seed} WITH updated, resolved${seed % 2 === 0 ? ', diff' : ''}`
    const feed = await SinklessFeed.open(server, statement)
    await feed.resolvedPast(zeroHlc)
    for (let i = 0; i < steps; i++) {
      await chaos.step().catch((cause: unknown) => assert.fail(`${chaos.done.slice(-3).join('\n')}: ${String(cause)}`))
    }
    await server.sql(`INSERT INTO other${seed} VALUES (1)`)
    await until('the last row', 120_000, async () => {
      if (feed.error !== undefined) throw new Error(feed.error.message)
      return feed.rows.some(({ topic }) => topic === `other${seed}`) ? true : undefined
    })
    const last = new Map<number, Record<string, unknown> | null>()
    for (const { topic, key, value } of feed.rows) {
      if (topic !== t) continue
      last.set(
        Number(/\[(\d+)\]/.exec(key)?.[1]),
        (JSON.parse(value) as { after: Record<string, unknown> | null }).after,
      )
    }
    const has = new Map((await server.sql(`SELECT * FROM ${t}`)).map((row) => [Number(row['id']), numbers(row)]))
    const story = (id: number): string =>
      `${id} of ${chaos.done
        .filter((sql) => sql.includes(`${id}`))
        .slice(-12)
        .join('\n')}`
    for (const [id, row] of has) assert.deepEqual(last.get(id) ?? null, row, story(id))
    for (const [id, after] of last) {
      if (after === null || has.has(id)) continue
      assert.ok(chaos.detached.has(Math.floor(id / 10)), story(id))
      assert.notEqual(after['v'], -9, story(id))
    }
    await feed[Symbol.asyncDispose]()
  })
}
