// The types of columns that are refused, as CockroachDB refuses them, with what the owner of the table can do. CREATE
// CHANGEFEED checks them by their names; the encoder checks what a column has become later.

import { shownName } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'

export interface RefusedType {
  readonly tag: 'refused'
  /** The name that CockroachDB gives to the type. */
  readonly name: string
  readonly why: string
  /** A type of PostgreSQL that holds the same values. */
  readonly instead: string
}

export const refusedTypes = {
  numeric: {
    tag: 'refused',
    name: 'DECIMAL',
    why: 'decimal with no precision not yet supported with avro',
    instead: 'numeric(38, 9)',
  },
  oid: { tag: 'refused', name: 'OID', why: 'type OID not yet supported with avro', instead: 'bigint' },
} as const satisfies Record<string, RefusedType>

/** The refusal of an array of such values. */
export function refusedItems({ name, why, ...rest }: RefusedType): RefusedType {
  return {
    ...rest,
    name: `${name}[]`,
    why: `could not create item schema for ${name}: ${why}`,
    instead: `${rest.instead}[]`,
  }
}

/** `type`: the name that format_type() gives to it, with its modifier. Types that users made are not known by their names. */
export function refusedByName(type: string): RefusedType | undefined {
  const element = type.replace(/(?:\[\])+$/, '')
  if (element !== 'numeric' && element !== 'oid') return undefined
  return element === type ? refusedTypes[element] : refusedItems(refusedTypes[element])
}

export interface RefusedColumn {
  readonly schema: string
  readonly table: string
  readonly column: string
  readonly type: RefusedType
  /** The column has become so while the changefeed ran. */
  readonly isLater?: boolean
}

export function refusedColumn({ schema, table, column, type, isLater = false }: RefusedColumn): FeedError {
  const { why, instead } = type
  const alter = `ALTER TABLE ${shownName(schema)}.${shownName(table)} ALTER COLUMN ${shownName(column)} TYPE ${instead}`
  const helps = instead.startsWith('numeric')
    ? `${alter}, or another precision and scale that hold its values; or use format=json`
    : `${alter}; or use format=json`
  // The schema of a row is that of its time, whatever the column is now.
  const hint = isLater
    ? `${helps}; if rows were written since the column has this type, create the changefeed again, without cursor`
    : helps
  return new FeedError('FEED_TARGET', `column ${column}: ${why}`, { hint })
}
