// A table of a composite type whose attributes change places, come and go, and of an enum whose labels change, within the
// transactions of its writer and from outside. Composite values are written by the names of their attributes and say
// themselves whether they were read right: x is the number of the write, y its opposite, or the other way round when its
// transaction has given them each other's names behind it.

import type pg from 'pg'
import type { Ledger } from './ledger.ts'
import type { Random } from './random.ts'
import type { WrittenTable } from './single-writer.ts'

export const typedTable = 'typed'
export const createTyped = `CREATE TYPE pair AS (x int8, y int8); CREATE TYPE mood AS ENUM ('m0', 'fixed'); CREATE TABLE ${typedTable} (id int8 PRIMARY KEY, s int8, c pair, e mood)`

const swap = `ALTER TYPE pair RENAME ATTRIBUTE x TO z; ALTER TYPE pair RENAME ATTRIBUTE y TO x; ALTER TYPE pair RENAME ATTRIBUTE z TO y`

/** Statements, for a session that is not the writer's: together or not at all. */
export function changeTypes(random: Random): readonly string[] {
  const extra = `w${random.int(1000)}`
  return [
    random.pick([
      [3, swap],
      [1, `ALTER TYPE pair ADD ATTRIBUTE ${extra} int8`],
      [
        1,
        `${swap}; ALTER TYPE pair ADD ATTRIBUTE ${extra} int8; ALTER TYPE pair DROP ATTRIBUTE ${extra}; ${swap}; ${swap}`,
      ],
      [1, `ALTER TYPE mood ADD VALUE IF NOT EXISTS '${extra}'`],
    ]),
  ]
}

export class Typed implements WrittenTable {
  readonly name = typedTable
  readonly isChangedByOthers = true
  readonly #often: number
  #label = 'm0'
  #labels = 0
  #lastId = 0
  #ids: number[] = []

  /** `often`: how often attributes change places, 1 being usual. */
  constructor(often: number) {
    this.#often = often
  }

  async look(client: pg.Client): Promise<void> {
    const { rows: labels } = await client.query<{ label: string }>(
      `SELECT enumlabel AS label FROM pg_enum WHERE enumtypid = 'mood'::regtype AND enumlabel LIKE 'm%'`,
    )
    this.#label = labels[0]?.label ?? 'm0'
    const { rows } = await client.query<{ id: string }>(`SELECT id FROM ${typedTable} ORDER BY id DESC LIMIT 30`)
    this.#ids = rows.map(({ id }) => Number(id))
  }

  async steps(client: pg.Client, random: Random, ledger: Ledger): Promise<void> {
    for (let i = random.int(4); i > 0; i--) {
      await random.pick<() => Promise<unknown>>([
        [4, () => this.#write(client, random, ledger)],
        [2 * this.#often, () => this.#swap(client, ledger)],
        [1, () => this.#rename(client, ledger)],
      ])()
    }
    await this.#write(client, random, ledger)
  }

  /**
   * What the transaction has written before has the names and the label of its end, when it is read again; otherwise it comes as
   * it was logged.
   */
  async #swap(client: pg.Client, ledger: Ledger): Promise<void> {
    await client.query(swap)
    ledger.schemaChanged()
    ledger.renamed((row) => ({ ...row, 'c.x': both(row['c.x']), 'c.y': both(row['c.y']) }))
  }

  async #rename(client: pg.Client, ledger: Ledger): Promise<void> {
    const next = `m${++this.#labels}`
    await client.query(`ALTER TYPE mood RENAME VALUE '${this.#label}' TO '${next}'`)
    this.#label = next
    ledger.renamed((row) => ({ ...row, e: [row['e'] ?? [], JSON.stringify(next)].flat() }))
  }

  async #write(client: pg.Client, random: Random, ledger: Ledger): Promise<void> {
    const s = ledger.next()
    const isNew = this.#ids.length === 0 || random.chance(0.3)
    const id = isNew ? ++this.#lastId : (this.#ids[random.int(this.#ids.length)] as number)
    const pair = `jsonb_populate_record(NULL::pair, '{"x": ${s}, "y": ${-s}}')`
    await client.query(
      isNew
        ? `INSERT INTO ${typedTable} (id, s, c, e) SELECT ${id}, ${s}, ${pair}, '${this.#label}'`
        : `UPDATE ${typedTable} SET s = ${s}, c = ${pair}, e = '${this.#label}' WHERE id = ${id}`,
    )
    if (isNew) this.#ids.push(id)
    ledger.write(s, `[${id}]`, {
      id: String(id),
      'c.x': String(s),
      'c.y': String(-s),
      e: JSON.stringify(this.#label),
    })
  }
}

/** A number and its opposite. */
function both(json: string | readonly string[] | undefined): readonly string[] {
  return typeof json === 'string' ? [json, String(-Number(json))] : (json ?? [])
}
