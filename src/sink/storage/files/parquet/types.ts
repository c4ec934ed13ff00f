// The types of Parquet for those of PostgreSQL. What has no type of its own there, or loses digits in it, is text as PostgreSQL prints it: numeric,
// dates and times, JSON, ranges, composite values.

import type { ParquetWriter } from 'hyparquet-writer'
import type { FileColumn } from '../../../../core/file-column.ts'
import type { TypeShape } from '../../../../core/table.ts'
import {
  BinaryValues,
  BooleanValues,
  FloatValues,
  Int32Values,
  Int64Values,
  TextValues,
  UuidValues,
  type Values,
} from './values.ts'

/** A column or a group of Parquet’s schema. */
export type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]['schema'][number]
export type PhysicalType = NonNullable<SchemaElement['type']>

export interface Leaf {
  readonly element: Omit<SchemaElement, 'name' | 'repetition_type'> & { readonly type: PhysicalType }
  readonly values: () => Values
}

const texts: Leaf = {
  element: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  values: () => new TextValues(),
}
const int32: Leaf = { element: { type: 'INT32' }, values: () => new Int32Values() }

const leaves: Readonly<Record<string, Leaf>> = {
  bool: { element: { type: 'BOOLEAN' }, values: () => new BooleanValues() },
  int2: int32,
  int4: int32,
  int8: { element: { type: 'INT64' }, values: () => new Int64Values() },
  float4: { element: { type: 'FLOAT' }, values: () => new FloatValues(false) },
  float8: { element: { type: 'DOUBLE' }, values: () => new FloatValues(true) },
  uuid: {
    element: { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, logical_type: { type: 'UUID' } },
    values: () => new UuidValues(),
  },
  bytea: { element: { type: 'BYTE_ARRAY' }, values: () => new BinaryValues() },
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

export function leafOf(shape: TypeShape): Leaf {
  return (shape.tag === 'scalar' && Object.hasOwn(leaves, shape.name) ? leaves[shape.name] : undefined) ?? texts
}
