// What a column is, as SQL: in CockroachDB's words for `__crdb__` in the schemas of Avro, and in PostgreSQL's own words for
// their documentation.

import { quoteName } from './quote.ts'
import { reservedWords } from './reserved-words.ts'
import type { ColumnDescription } from './table.ts'

/** The types of PostgreSQL that CockroachDB writes otherwise, by the names that format_type() gives them. */
const names: ReadonlyMap<string, string> = new Map([
  ['bigint', 'INT8'],
  ['integer', 'INT4'],
  ['smallint', 'INT2'],
  ['boolean', 'BOOL'],
  ['double precision', 'FLOAT8'],
  ['real', 'FLOAT4'],
  ['numeric', 'DECIMAL'],
  ['text', 'STRING'],
  ['character varying', 'VARCHAR'],
  ['character', 'CHAR'],
  ['bytea', 'BYTES'],
  ['bit varying', 'VARBIT'],
  ['timestamp without time zone', 'TIMESTAMP'],
  ['timestamp with time zone', 'TIMESTAMPTZ'],
  ['time without time zone', 'TIME'],
  ['time with time zone', 'TIMETZ'],
])

/** Other names of PostgreSQL's own types. A name of a user's type contains its schema, and is left as it is. */
const plainName = /^[a-z][a-z0-9_ ]*$/

/** Returns the column in CockroachDB's words: `a INT8 NOT NULL`, `b VARCHAR(10)[] NULL`. */
export function columnDefinition(column: ColumnDescription): string {
  return `${named(column.name)} ${typeOf(column.typeName)}${column.notNull ? ' NOT NULL' : ' NULL'}`
}

/** Returns the column in PostgreSQL's words: `a bigint NOT NULL`, `b character varying(10)[]`. */
export function sourceColumnDefinition(column: ColumnDescription): string {
  return `${named(column.name)} ${column.typeName}${column.notNull ? ' NOT NULL' : ''}`
}

/** `numeric(10,2)[]` has the name `numeric`, a modifier and dimensions; the modifier of a time is inside its name. */
const parts = /^(?<name>.*?)(?<modifier>\(-?[\d,-]+\))?(?<zone> with(?:out)? time zone)?(?<dimensions>(?:\[\])*)$/s

function typeOf(typeName: string): string {
  const { name = typeName, modifier = '', zone = '', dimensions = '' } = parts.exec(typeName)?.groups ?? {}
  const plain = name + zone
  const known = names.get(plain) ?? (plainName.test(plain) ? plain.toUpperCase() : undefined)
  return known === undefined ? typeName : `${known}${modifier}${dimensions}`
}

/** Both databases take letters outside of ASCII without quotes. */
function named(name: string): string {
  return /^[a-z_\u0080-\u{10ffff}][a-z0-9_$\u0080-\u{10ffff}]*$/u.test(name) && !reservedWords.has(name)
    ? name
    : quoteName(name)
}
