// The types of Parquet for those of PostgreSQL. What has no type of its own there, or loses digits in it, is text as PostgreSQL prints it: numeric,
// dates and times, JSON, ranges, composite values.

import type { ParquetWriter } from 'hyparquet-writer'
import type { FileColumn } from '../../../core/file-column.ts'
import type { TypeShape } from '../../../core/table.ts'
import { parseArray } from './parse-array.ts'

/** A column or a group of Parquet’s schema. */
type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]['schema'][number]

/** Makes the value that the writer of Parquet takes of the text of a value. */
export type FromText = (text: Buffer) => unknown

interface Leaf {
  readonly element: Omit<SchemaElement, 'name' | 'repetition_type'>
  readonly value: FromText
}

const texts: Leaf = {
  element: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  value: (text) => text.toString('utf8'),
}
const int32: Leaf = { element: { type: 'INT32' }, value: (text) => Number(text.toString('latin1')) }

const leaves: Readonly<Record<string, Leaf>> = {
  bool: { element: { type: 'BOOLEAN' }, value: (text) => text[0] === 0x74 },
  int2: int32,
  int4: int32,
  int8: { element: { type: 'INT64' }, value: (text) => BigInt(text.toString('latin1')) },
  float4: { element: { type: 'FLOAT' }, value: (text) => Number(text.toString('latin1')) },
  float8: { element: { type: 'DOUBLE' }, value: (text) => Number(text.toString('latin1')) },
  uuid: {
    element: { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, logical_type: { type: 'UUID' } },
    value: (text) => text.toString('latin1'),
  },
  bytea: { element: { type: 'BYTE_ARRAY' }, value: (text) => Buffer.from(text.toString('latin1', 2), 'hex') },
}

/** Returns the elements of the schema below its root; every column may be NULL. */
export function schemaOf(columns: readonly FileColumn[]): SchemaElement[] {
  return columns.flatMap(({ name, shape }): SchemaElement[] => {
    if (shape.tag !== 'array') return [{ ...leafOf(shape).element, name, repetition_type: 'OPTIONAL' }]
    return [
      { name, repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { ...leafOf(shape.element).element, name: 'element', repetition_type: 'OPTIONAL' },
    ]
  })
}

export function fromText({ shape }: FileColumn): FromText {
  if (shape.tag !== 'array') return leafOf(shape).value
  const { value } = leafOf(shape.element)
  return (text) =>
    parseArray(text.toString('utf8'), shape.delimiter).map((element) =>
      element === null ? null : value(Buffer.from(element)),
    )
}

function leafOf(shape: TypeShape): Leaf {
  return (shape.tag === 'scalar' && Object.hasOwn(leaves, shape.name) ? leaves[shape.name] : undefined) ?? texts
}
