import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columnDefinition, sourceColumnDefinition } from './column-definition.ts'
import type { ColumnDescription } from './table.ts'

function column(name: string, typeName: string, notNull: boolean): ColumnDescription {
  const shape = { tag: 'scalar', name: '' } as const
  return { name, attnum: 1, typeOid: 0, typmod: -1, typeName, shape, notNull, hasDefault: false, generated: false }
}

// oxfmt-ignore
const types: readonly (readonly [string, string])[] = [
  ['bigint', 'INT8'], ['integer', 'INT4'], ['smallint', 'INT2'], ['boolean', 'BOOL'],
  ['double precision', 'FLOAT8'], ['real', 'FLOAT4'], ['numeric', 'DECIMAL'], ['numeric(10,2)', 'DECIMAL(10,2)'],
  ['numeric(2,-3)', 'DECIMAL(2,-3)'], ['text', 'STRING'], ['character varying', 'VARCHAR'],
  ['character varying(20)', 'VARCHAR(20)'], ['character(5)', 'CHAR(5)'], ['"char"', '"char"'], ['bytea', 'BYTES'],
  ['bit(3)', 'BIT(3)'], ['bit varying(3)', 'VARBIT(3)'], ['date', 'DATE'], ['timestamp without time zone', 'TIMESTAMP'],
  ['timestamp(3) without time zone', 'TIMESTAMP(3)'], ['timestamp(3) with time zone[]', 'TIMESTAMPTZ(3)[]'],
  ['time(0) without time zone', 'TIME(0)'], ['time with time zone', 'TIMETZ'], ['interval', 'INTERVAL'],
  ['interval day to second(3)', 'INTERVAL DAY TO SECOND(3)'], ['json', 'JSON'], ['jsonb', 'JSONB'], ['uuid', 'UUID'],
  ['inet', 'INET'], ['bigint[]', 'INT8[]'], ['int4range', 'INT4RANGE'], ['public.mood', 'public.mood'],
  ['public."Mood of (a)"[]', 'public."Mood of (a)"[]'], ['public.geometry(Point,4326)', 'public.geometry(Point,4326)'],
  ['public."x with time zone"', 'public."x with time zone"'],
]

test("a column in CockroachDB's words has its type, and says whether it can be null", () => {
  for (const [typeName, words] of types) {
    assert.equal(columnDefinition(column('a', typeName, true)), `a ${words} NOT NULL`)
    assert.equal(columnDefinition(column('a', typeName, false)), `a ${words} NULL`)
  }
})

test("a column in PostgreSQL's words has the type as PostgreSQL writes it", () => {
  assert.equal(sourceColumnDefinition(column('a', 'bigint', true)), 'a bigint NOT NULL')
  assert.equal(sourceColumnDefinition(column('a', 'character varying(20)', false)), 'a character varying(20)')
})

test('a name is quoted where it must be', () => {
  assert.equal(columnDefinition(column('🍦', 'bigint', true)), '🍦 INT8 NOT NULL')
  assert.equal(columnDefinition(column('user', 'bigint', true)), '"user" INT8 NOT NULL')
  assert.equal(sourceColumnDefinition(column('A "b"', 'bigint', true)), '"A ""b""" bigint NOT NULL')
})
