// What readings have shown of each table, as a list of eras: in an era the rows of the catalogue that the table's description is made of
// were the same ones, from the first reading that showed them until the last. Between two eras lies the moment of a change,
// which no reading knows.

import type { SeenTable } from '../../source-schema/prepared/describe-tables.ts'
import type { Reading } from './reading.ts'

export interface Era {
  /** Undefined: the table does not exist. */
  readonly table: SeenTable | undefined
  /** The end of its first reading: everything that this showed was committed before. */
  readonly since: number
  /** The start of its last reading: no row that lies before it was written after a change that the era does not have. */
  until: number
}

/** So many eras of a table are kept for rows of transactions that were open during them. */
const keptEras = 8

interface History {
  readonly eras: Era[]
  /** The last reading, if the table was locked then: it proves nothing for the rows of the transactions that had locked it. */
  locked: { readonly era: Era; readonly xids: ReadonlySet<number> } | undefined
}

export class TableReadings {
  readonly #histories = new Map<number, History>()

  /**
   * Returns the tables whose last reading shows something new. `typesOf` gives the composite types of rows that a table may still
   * have, even if none of its columns has them any more.
   */
  add(reading: Reading, typesOf: (relid: number) => Iterable<number>): number[] {
    const changed: number[] = []
    for (const relid of reading.asked) {
      const table = withTypes(reading.tables.get(relid), typesOf(relid))
      let history = this.#histories.get(relid)
      if (history === undefined) this.#histories.set(relid, (history = { eras: [], locked: undefined }))
      // A locked type may have been changed already, for whatever row that was written since.
      if (table !== undefined && [...table.layouts.values()].some(({ relation }) => reading.locked.has(relation)))
        continue
      const xids = reading.locked.get(relid)
      const era: Era = { table, since: reading.to, until: reading.from }
      if (xids !== undefined) {
        history.locked = { era, xids }
        continue
      }
      history.locked = undefined
      const last = history.eras.at(-1)
      if (last !== undefined && last.table?.fingerprint === table?.fingerprint) {
        last.until = reading.from
        continue
      }
      history.eras.push(era)
      if (history.eras.length > keptEras) history.eras.shift()
      changed.push(relid)
    }
    return changed
  }

  /** The tables that were read. */
  relids(): Iterable<number> {
    return this.#histories.keys()
  }

  last(relid: number): Era | undefined {
    return this.#histories.get(relid)?.eras.at(-1)
  }

  eras(relid: number): readonly Era[] {
    return this.#histories.get(relid)?.eras ?? []
  }

  /** The first era that is proven for a row at `lsn` or shows what came after it; undefined: a later reading is needed. */
  after(relid: number, lsn: number, xid: number): Era | undefined {
    const history = this.#histories.get(relid)
    if (history === undefined) return undefined
    for (const era of history.eras) if (era.until > lsn) return era
    const { locked } = history
    return locked !== undefined && locked.era.until > lsn && !locked.xids.has(xid) ? locked.era : undefined
  }

  /**
   * The eras from the last one that had begun at `from` until the first one that reaches to `to`; undefined: a later reading is needed.
   * `isWhole`: there is an era that had begun.
   */
  spanning(
    relid: number,
    from: number,
    to: number,
    xid: number,
  ): { eras: readonly Era[]; isWhole: boolean } | undefined {
    const end = this.after(relid, to, xid)
    if (end === undefined) return undefined
    const eras = this.eras(relid)
    const last = eras.indexOf(end)
    const known = last < 0 ? [...eras, end] : eras.slice(0, last + 1)
    const first = known.findLastIndex((era) => era.since <= from)
    return { eras: known.slice(Math.max(first, 0)), isWhole: first >= 0 }
  }
}

function withTypes(table: SeenTable | undefined, types: Iterable<number>): SeenTable | undefined {
  if (table === undefined) return undefined
  const layouts = new Map(table.layouts)
  let { fingerprint } = table
  for (const oid of types) {
    const type = table.typeFacts.get(oid)
    if (layouts.has(oid) || type?.kind !== 'c') continue
    layouts.set(oid, { relation: type.relation, attributes: type.attributes })
    fingerprint += `;${oid}=${type.attributes.map(([attnum, , , xid]) => `${attnum}:${xid}`).join()}`
  }
  return { ...table, layouts, fingerprint }
}
