// Writes a record of a changelog as a line of text. A row shows the name of its table and its size, and its values only if
// they are asked for.

import {
  commitMicrosOf,
  describedBy,
  endLsnOf,
  isRow,
  lsnOf,
  readGap,
  record,
  relationOf,
  timestampOf,
  truncatedRelations,
  xidOf,
} from '../../changelog/records.ts'
import { formatHlc, wallOfPgMicros } from '../../core/hlc.ts'
import { formatLsn } from '../../core/lsn.ts'
import { kind, RowView } from '../../core/row-view.ts'
import { readDelete } from '../../decode/pgoutput/delete.ts'
import { readInsert } from '../../decode/pgoutput/insert.ts'
import { readUpdate } from '../../decode/pgoutput/update.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import { errorText } from '../error-text.ts'

/** The most bytes of a value that are shown. */
const mostShown = 1000
const names = new Map(Object.entries(record).map(([name, tag]) => [tag as number, name]))

export interface RecordPlace {
  readonly payload: Buffer
  readonly start: number
  readonly end: number
}

export class RecordText {
  readonly #schemas: SchemaHistory
  readonly #showsValues: boolean
  readonly #row = new RowView()
  readonly #old = new RowView()

  constructor(schemas: SchemaHistory, showsValues: boolean) {
    this.#schemas = schemas
    this.#showsValues = showsValues
  }

  nameOf(relid: number): string {
    const known = this.#schemas.description(relid) ?? this.#schemas.relation(relid)?.description
    return known === undefined ? `relation ${relid}` : `${known.schema}.${known.name}`
  }

  /** Returns the relations that a record concerns; undefined: the record concerns no particular relation. */
  relationsOf({ payload, start, end }: RecordPlace): readonly number[] | undefined {
    const tag = payload[start] as number
    if (isRow(tag) || tag === record.relation) return [relationOf(payload, start)]
    if (tag === record.schema) return [describedBy(payload, start, end).relid]
    if (tag === record.truncate) return truncatedRelations(payload, start, end)
    return readGap(payload, start, end)?.relids
  }

  /** Returns the line of a record; `relations` are the relations of the record. */
  line({ payload, start, end }: RecordPlace, relations: readonly number[] | undefined): string {
    const tag = payload[start] as number
    const name = (names.get(tag) ?? '').padEnd(9)
    const tables = (relations ?? []).map((relid) => this.nameOf(relid)).join(', ')
    switch (tag) {
      case record.begin: {
        const at = formatHlc(timestampOf(payload, start))
        const committed = timeText(commitMicrosOf(payload, start))
        return `${name} ${at}  xid ${xidOf(payload, start)}  commit ${formatLsn(lsnOf(payload, start))}  committed ${committed}`
      }
      case record.commit:
        return `${name} end ${formatLsn(endLsnOf(payload, start))}`
      case record.closed:
        return `${name} ${formatHlc(timestampOf(payload, start))}  at ${formatLsn(lsnOf(payload, start))}`
      case record.gap:
      case record.gapOf:
        return `${'gap'.padEnd(9)} ${relations === undefined ? 'all tables' : tables}: ${readGap(payload, start, end)?.reason}`
      case record.schema:
      case record.relation:
      case record.truncate:
        return `${name} ${tables}${tag === record.schema ? this.#described(relations?.[0]) : ''}`
      case record.insert:
      case record.update:
      case record.delete:
        return `${name} ${tables}  ${end - start} bytes${this.#showsValues ? this.#values({ payload, start, end }) : ''}`
      default:
        return `unknown   0x${tag.toString(16)}  ${end - start} bytes`
    }
  }

  #described(relid: number | undefined): string {
    const table = relid === undefined ? undefined : this.#schemas.description(relid)
    if (table === undefined) return ''
    if (table.dropped === true) return '  dropped'
    const key = table.primaryKey.length === 0 ? '' : `, primary key (${table.primaryKey.join(', ')})`
    return `  columns ${table.columns.map(({ name }) => name).join(', ')}${key}`
  }

  #values({ payload, start, end }: RecordPlace): string {
    const relation = this.#schemas.relation(relationOf(payload, start))
    if (relation === undefined) return '  (its table is not described)'
    const row = this.#row
    const old = this.#old
    try {
      const tag = payload[start]
      if (tag === record.insert) {
        readInsert(payload, start, end, relation, row)
        return `  ${valuesText(row)}`
      }
      if (tag === record.delete) {
        readDelete(payload, start, end, relation, old)
        return `  ${valuesText(old)}`
      }
      const oldKind = readUpdate(payload, start, end, relation, old, row)
      return `  ${valuesText(row)}${oldKind === 'none' ? '' : `  before: ${valuesText(old)}`}`
    } catch (error) {
      return `  (cannot be decoded: ${errorText(error).trim()})`
    } finally {
      row.release()
      old.release()
    }
  }
}

/** Returns a text such as `a="1" b=NULL`, with the values as PostgreSQL writes them as text. */
function valuesText(row: RowView): string {
  const texts: string[] = []
  for (let i = 0; i < row.count; i++) {
    const name = row.relation?.columns[i]?.name ?? ''
    if (row.kinds[i] === kind.null) texts.push(`${name}=NULL`)
    else if (row.kinds[i] === kind.unchanged) texts.push(`${name}=(unchanged)`)
    else {
      const start = row.starts[i] as number
      const end = row.ends[i] as number
      const shown = JSON.stringify(row.bytes.toString('utf8', start, Math.min(end, start + mostShown)))
      texts.push(`${name}=${shown}${end - start > mostShown ? `… (${end - start} bytes)` : ''}`)
    }
  }
  return texts.join(' ')
}

/** Returns a commit time of PostgreSQL as text, with microseconds. */
function timeText(micros: bigint): string {
  const all = wallOfPgMicros(micros) / 1000n
  const date = new Date(Number(all / 1000n))
  if (Number.isNaN(date.getTime())) return `${micros} µs`
  return date.toISOString().replace('Z', `${String(all % 1000n).padStart(3, '0')}Z`)
}
