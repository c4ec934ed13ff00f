// The statements with which somebody makes the text of a column UTF-8, in a database in SQL_ASCII. They depend on the type: the labels of an
// enum are in the catalogue, other types want their text cast, and some have no room for more bytes.

import { quoteName } from '../core/quote.ts'
import type { RelationColumn } from '../core/relation.ts'
import type { TypeShape } from '../core/table.ts'

/** Each character that is UTF-8 already stays as it is: other programs may have written it, or the label of an enum was put right before. */
const character = String.raw`[\x01-\x7f]+|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]`

const toUtf8 = String.raw`CREATE OR REPLACE FUNCTION pg_temp.to_utf8(t text) RETURNS text STRICT LANGUAGE sql AS $$ SELECT coalesce(string_agg(CASE WHEN m[1] ~ '^[\x80-\xff]$' THEN convert_from(convert(convert_to(m[1], 'SQL_ASCII'), 'WIN1252', 'UTF8'), 'SQL_ASCII') ELSE m[1] END, '' ORDER BY n), '') FROM regexp_matches(t, '(${character})', 'g') WITH ORDINALITY AS x (m, n) $$`

const relabel = `DO $$ DECLARE label record; BEGIN FOR label IN SELECT enumtypid::regtype AS type, enumlabel::text AS old, pg_temp.to_utf8(enumlabel::text) AS new FROM pg_enum LOOP IF label.old <> label.new THEN EXECUTE format('ALTER TYPE %s RENAME VALUE %L TO %L', label.type, label.old, label.new); END IF; END LOOP; END $$`

/** To text without a cast: PostgreSQL then checks the length, which a cast would cut to. */
const assignable: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar'])

/** A value of them has no room for more bytes, or is cut without a word. */
const tooSmall: ReadonlySet<string> = new Set(['char', 'name'])

export function repairText(
  table: string,
  { name, shape, description, typmod = description?.typmod }: RelationColumn,
): string {
  const column = quoteName(name)
  if (description?.generated === true)
    return `column ${column} is generated from others: it is UTF-8 when the text of those is; then start the changefeed again with an initial scan`
  const statements = [toUtf8]
  let note = ''
  if (hasEnum(shape)) statements.push(relabel)
  if (shape.tag === 'scalar' && tooSmall.has(shape.name))
    statements.push(`ALTER TABLE ${table} ALTER COLUMN ${column} TYPE text USING pg_temp.to_utf8(${column}::text)`)
  else if (!isEnum(shape)) {
    const cast = castOf(shape, description?.typeName)
    statements.push(
      `UPDATE ${table} SET ${column} = pg_temp.to_utf8(${column}::text)${cast} WHERE ${column}::text <> pg_temp.to_utf8(${column}::text)`,
    )
    if (typmod !== undefined && typmod > 0 && shape.tag === 'scalar' && assignable.has(shape.name))
      note = ` (the column is ${description?.typeName ?? shape.name}, and UTF-8 has more bytes: if PostgreSQL says that a value is too long, make it wider first)`
  }
  return `if the text was written in WIN1252, run in one session: ${statements.join('; ')}${note}; then start the changefeed again with an initial scan`
}

function castOf(shape: TypeShape, typeName: string | undefined): string {
  if (shape.tag === 'scalar' && assignable.has(shape.name)) return ''
  if (typeName === undefined) return ''
  // Without lengths, to which a cast would cut; `character` without one would be of length 1.
  return `::${typeName.replaceAll(/\(\d+\)(?=\[\]|$)/g, '').replace(/^character(?=\[\]|$)/, 'bpchar')}`
}

function isEnum(shape: TypeShape): boolean {
  return shape.tag === 'enum' || (shape.tag === 'array' && isEnum(shape.element))
}

function hasEnum(shape: TypeShape): boolean {
  switch (shape.tag) {
    case 'enum':
    // Its bounds may be of one: a range is printed as text, so its shape does not say that.
    case 'range':
      return true
    case 'array':
      return hasEnum(shape.element)
    case 'composite':
      return shape.fields.some((field) => hasEnum(field.shape))
    case 'scalar':
      return false
  }
}
