// The types of Parquet for those of PostgreSQL. What has no type of its own there, or loses digits in it, is text as PostgreSQL prints it: numeric,
// dates and times, JSON, ranges. Arrays are lists, and composite values groups of their attributes.

import type { ParquetWriter } from 'hyparquet-writer'
import type { FileColumn } from '../../../../core/file-column.ts'
import type { CompositeField, TypeShape } from '../../../../core/table.ts'
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

export type ParquetType =
  | { readonly tag: 'leaf'; readonly leaf: Leaf }
  | { readonly tag: 'list'; readonly element: TypeShape; readonly delimiter: string }
  | {
      readonly tag: 'group'
      readonly fields: readonly CompositeField[]
      readonly former: readonly (readonly CompositeField[])[]
    }

export function parquetType(shape: TypeShape): ParquetType {
  if (shape.tag === 'array') return { tag: 'list', element: shape.element, delimiter: shape.delimiter }
  // A group of nothing is no group.
  if (shape.tag === 'composite' && shape.fields.length > 0)
    return { tag: 'group', fields: shape.fields, former: shape.former ?? [] }
  const leaf = shape.tag === 'scalar' && Object.hasOwn(leaves, shape.name) ? leaves[shape.name] : undefined
  return { tag: 'leaf', leaf: leaf ?? texts }
}

/** Returns the elements of the schema below its root; every column may be NULL. */
export function schemaOf(columns: readonly FileColumn[]): SchemaElement[] {
  return columns.flatMap(({ name, shape }) => elementsOf(name, shape))
}

function elementsOf(name: string, shape: TypeShape): SchemaElement[] {
  const type = parquetType(shape)
  switch (type.tag) {
    case 'leaf':
      return [{ ...type.leaf.element, name, repetition_type: 'OPTIONAL' }]
    case 'list':
      return [
        { name, repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        ...elementsOf('element', type.element),
      ]
    case 'group':
      return [
        { name, repetition_type: 'OPTIONAL', num_children: type.fields.length },
        ...type.fields.flatMap((field) => elementsOf(field.name, field.shape)),
      ]
  }
}
