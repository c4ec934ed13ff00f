// A table whose primary key moves from one column to the other and back, within transactions and between them, and which
// gets columns of out-of-line values that later updates leave alone. At first it has none.

import type pg from 'pg'
import type { Ledger } from './ledger.ts'
import type { Random } from './random.ts'
import type { WrittenTable } from './single-writer.ts'

export const movingTable = 'moving'
export const createMoving = `CREATE TABLE ${movingTable} (a int8 NOT NULL, b int8 NOT NULL, s int8 NOT NULL, CONSTRAINT ${movingTable}_pkey PRIMARY KEY (a))`

const mostRows = 40

export class Moving implements WrittenTable {
  readonly name = movingTable
  readonly isChangedByOthers = false
  readonly #often: number
  #key: 'a' | 'b' = 'a'
  #hasText = false
  /** Row to its large value. */
  #rows = new Map<number, string | null>()
  #lastId = 0

  /** `often`: how often columns come and go, 1 being usual. */
  constructor(often: number) {
    this.#often = often
  }

  async look(client: pg.Client): Promise<void> {
    const { rows: keys } = await client.query<{ name: 'a' | 'b' }>(
      `SELECT attname AS name FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] WHERE indrelid = '${movingTable}'::regclass AND indisprimary`,
    )
    this.#key = keys[0]?.name ?? 'a'
    const { rows } = await client.query<{ a: string; t?: string | null }>(`SELECT * FROM ${movingTable} ORDER BY a`)
    const { rows: columns } = await client.query(
      `SELECT FROM pg_attribute WHERE attrelid = '${movingTable}'::regclass AND attname = 't'`,
    )
    this.#hasText = columns.length > 0
    this.#rows = new Map(rows.map(({ a, t }) => [Number(a), t ?? null]))
  }

  async steps(client: pg.Client, random: Random, ledger: Ledger): Promise<void> {
    for (let i = 1 + random.int(4); i > 0; i--) await this.#step(client, random, ledger)
    await this.#write(client, random, ledger)
  }

  async #step(client: pg.Client, random: Random, ledger: Ledger): Promise<void> {
    await random.pick<() => Promise<unknown>>([
      [5, () => this.#write(client, random, ledger)],
      [2, () => this.#move(client, ledger)],
      [this.#often, () => this.#grow({ client, random, ledger })],
    ])()
  }

  async #move(client: pg.Client, ledger: Ledger): Promise<void> {
    ledger.schemaChanged()
    const next = this.#key === 'a' ? 'b' : 'a'
    await client.query(
      `ALTER TABLE ${movingTable} DROP CONSTRAINT ${movingTable}_pkey, ADD CONSTRAINT ${movingTable}_pkey PRIMARY KEY (${next})`,
    )
    this.#key = next
    ledger.moved((key) => (key.startsWith('[-') ? key.replace('-', '') : key.replace('[', '[-')))
  }

  async #grow({ client, random, ledger }: { client: pg.Client; random: Random; ledger: Ledger }): Promise<void> {
    ledger.schemaChanged()
    if (!this.#hasText) {
      await client.query(
        `ALTER TABLE ${movingTable} ADD COLUMN t text; ALTER TABLE ${movingTable} ALTER t SET STORAGE EXTERNAL`,
      )
      this.#hasText = true
    } else if (random.chance(0.3)) {
      await client.query(`ALTER TABLE ${movingTable} DROP COLUMN t`)
      ledger.renamed((row) => Object.fromEntries(Object.entries(row).filter(([name]) => name !== 't')))
      this.#hasText = false
      for (const id of this.#rows.keys()) this.#rows.set(id, null)
    }
  }

  async #write(client: pg.Client, random: Random, ledger: Ledger): Promise<void> {
    const s = ledger.next()
    const ids = [...this.#rows.keys()]
    const isNew = ids.length < mostRows && (ids.length === 0 || random.chance(0.3))
    const id = isNew ? ++this.#lastId : (ids[random.int(ids.length)] as number)
    const isLarge = this.#hasText && random.chance(0.3)
    const text = isLarge ? `w${s}`.repeat(1000) : isNew ? null : (this.#rows.get(id) ?? null)
    if (isNew) await client.query(`INSERT INTO ${movingTable} (a, b, s) VALUES (${id}, ${-id}, ${s})`)
    else await client.query(`UPDATE ${movingTable} SET s = ${s} WHERE ${this.#key} = ${this.#key === 'a' ? id : -id}`)
    if (isLarge) await client.query(`UPDATE ${movingTable} SET t = '${text}' WHERE a = ${id}`)
    this.#rows.set(id, text)
    ledger.write(s, this.#key === 'a' ? `[${id}]` : `[${-id}]`, {
      a: String(id),
      b: String(-id),
      s: String(s),
      ...(this.#hasText ? { t: JSON.stringify(text) } : {}),
    })
  }
}
