// Random changes of rows and of the table after a schema change, against a model that knows which rows have changed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScanAtChange, type NamedRow } from '../../../test/support/scan-at-change.ts'
import {
  insert,
  remove,
  removeOfKey,
  TableLook,
  textColumn,
  update,
  updateKey,
  updateOfKey,
  WrittenLog,
} from '../../../test/support/written-log.ts'
import type { ColumnDescription } from '../../core/table.ts'

/** Values by the numbers of columns. */
type Values = Map<number, string | null>

const columnsAtStart = new TableLook().columns as readonly [ColumnDescription, ColumnDescription]
const added = { ...textColumn('c', 3), hasDefault: true, missing: 'y' }
const keys = [[1], [2], [1, 2], [2, 1]] as const

class Model {
  readonly #random: () => number
  readonly #identity: 'd' | 'f'
  columns: ColumnDescription[] = [...columnsAtStart]
  #key: readonly number[] = keys[0]
  readonly rows = new Map<number, Values>()
  readonly changed = new Set<number>()
  hasChangedKey = false
  #next = 100
  #nextColumn = 4

  constructor(random: () => number, identity: 'd' | 'f') {
    this.#random = random
    this.#identity = identity
  }

  look(): TableLook {
    const primaryKey = this.#key.map((attnum) => this.columns.find((column) => column.attnum === attnum)?.name ?? '')
    return new TableLook({ columns: this.columns, primaryKey, identity: this.#identity })
  }

  transaction(): (Buffer | TableLook)[] {
    return Array.from({ length: 1 + this.#below(3) }, () => (this.#below(5) === 0 ? this.#alter() : this.#change()))
  }

  insert(): Buffer {
    const id = this.#next++
    // Every value is another one, so that any column may be the key.
    const row: Values = new Map(this.columns.map(({ attnum }) => [attnum, `${this.#next++}`]))
    this.rows.set(id, row)
    this.changed.add(id)
    return insert(this.#tuple(row))
  }

  named(): NamedRow[] {
    return [...this.rows.values()].map((row) =>
      Object.fromEntries(this.columns.map(({ attnum, name }) => [name, row.get(attnum) ?? null])),
    )
  }

  #change(): Buffer {
    const ids = [...this.rows.keys()]
    const id = ids[this.#below(ids.length)]
    const what = this.#below(4)
    if (id === undefined || what === 0) return this.insert()
    const row = this.rows.get(id) ?? assert.fail()
    const old = new Map(row)
    this.changed.add(id)
    if (what === 1) {
      this.rows.delete(id)
      return this.#identity === 'f' ? remove(this.#tuple(old) as string[]) : removeOfKey(this.#keyOf(old))
    }
    const { attnum } = this.columns[this.#below(this.columns.length)] ?? assert.fail()
    row.set(attnum, `${this.#next++}`)
    const now = this.#tuple(row) as string[]
    if (this.#identity === 'f') return update(this.#tuple(old) as string[], now)
    return this.#key.includes(attnum) ? updateKey(this.#keyOf(old), now) : updateOfKey(now)
  }

  #alter(): TableLook {
    const what = this.#below(3)
    if (what === 0) {
      this.#key = keys[this.#below(keys.length)] ?? keys[0]
      this.hasChangedKey = true
    } else if (what === 1) {
      const attnum = this.#nextColumn++
      this.columns = [...this.columns, textColumn(`added${attnum}`, attnum)]
    } else {
      const place = this.#below(this.columns.length)
      this.columns = this.columns.map((column, i) => (i === place ? { ...column, name: `n${this.#next++}` } : column))
    }
    return this.look()
  }

  #tuple(row: Values): (string | null)[] {
    return this.columns.map(({ attnum }) => row.get(attnum) ?? null)
  }

  #keyOf(row: Values): (string | null)[] {
    return this.columns.map(({ attnum }) => (this.#key.includes(attnum) ? (row.get(attnum) ?? null) : null))
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n)
  }
}

/** A small generator with a seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

async function run(seed: number, identity: 'd' | 'f'): Promise<void> {
  using files = await WrittenLog.open()
  const model = new Model(randomOf(seed), identity)
  files.transaction([model.look(), ...Array.from({ length: 20 }, () => model.insert())])
  model.columns = [...columnsAtStart, added]
  for (const row of model.rows.values()) row.set(added.attnum, 'y')
  const at = files.transaction([model.look()])
  model.changed.clear()
  const line = (row: Values): string => `a=${row.get(1)} b=${row.get(2)} c=${row.get(3)}`
  const then = new Map([...model.rows].map(([id, row]) => [line(row), id]))
  await files.writer.flush()
  using scan = new ScanAtChange(files, at, { diff: false })
  // The rows are read at several cuts.
  for (let cut = 0; cut < 3; cut++) {
    const from = scan.lines.length
    for (let i = 0; i < 5; i++) files.transaction(model.transaction())
    await files.writer.flush()
    await scan.read(model.look(), model.named())
    const lines = new Set(scan.lines.slice(cut === 0 ? 0 : from))
    for (const text of lines) assert.ok(then.has(text), `seed ${seed}: ${text} was not there`)
    for (const [text, id] of then) {
      const isKnown = identity === 'f' && !model.hasChangedKey
      if (!model.changed.has(id)) assert.ok(lines.has(text), `seed ${seed}: ${text} has not changed and is missing`)
      else if (isKnown) assert.ok(scan.lines.includes(text), `seed ${seed}: the log has ${text}`)
      else if (!isKnown && identity === 'd') assert.ok(!lines.has(text), `seed ${seed}: ${text} has changed`)
    }
  }
  await files.writer.close()
}

test('whatever happens to rows and tables, rows that have not changed are found, and no row that was not there', async () => {
  for (let seed = 1; seed <= 60; seed++) await run(seed, seed % 2 === 0 ? 'd' : 'f')
})
