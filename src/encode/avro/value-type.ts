// Chooses, once per column, the Avro type of its values and the function that writes them. Every type is a union that begins
// with null, whatever the column allows, so that schemas of different times stay compatible.

import type { RelationColumn } from '../../core/relation.ts'
import type { TypeShape } from '../../core/table.ts'
import { arrayWriter } from './write-array.ts'
import { writeBits } from './write-bits.ts'
import { decimalWriter } from './write-decimal.ts'
import { doubleWriter } from './write-double.ts'
import { writeInterval } from './write-interval.ts'
import { writeLongText } from './write-long.ts'
import { writeBool, writeBytea, writeText } from './write-text.ts'
import { writeDate, writeTime, writeTimestamp } from './write-time.ts'
import { refusedItems, refusedTypes, type RefusedType } from './refused-type.ts'
import type { ValueWriter } from './value-writer.ts'

export interface ValueType {
  readonly tag: 'type'
  /** The union, as it is printed in a schema. */
  readonly schema: readonly unknown[]
  readonly write: ValueWriter
  /** What a reader of the schema must know of the string, if it is not the text that the column holds. */
  readonly note?: string | undefined
  /** The digits of a decimal. */
  readonly decimal?: Decimal | undefined
}

export interface Decimal {
  readonly precision: number
  readonly scale: number
}

/** The types (pg_type.typname) that need no more than their name. Types of other schemas have names with a dot. */
const plainTypes: readonly (readonly [schema: unknown, ValueWriter, ...types: string[]])[] = [
  ['boolean', writeBool, 'bool'],
  ['long', writeLongText, 'int2', 'int4', 'int8'],
  ['bytes', writeBytea, 'bytea'],
  [{ type: 'int', logicalType: 'date' }, writeDate, 'date'],
  [{ type: 'long', logicalType: 'time-micros' }, writeTime, 'time'],
  [{ type: 'long', logicalType: 'timestamp-micros' }, writeTimestamp, 'timestamp', 'timestamptz'],
  [{ type: 'array', items: 'long' }, writeBits, 'bit', 'varbit'],
  ['string', writeText, 'text', 'varchar', 'bpchar', 'name', 'char', 'uuid', 'inet', 'cidr', 'json', 'jsonb', 'xml'],
]

const text = ['null', 'string'] as const

export interface TypeOptions {
  /** The type modifier of the column; -1: it has none. */
  readonly typmod: number
  /** The column is in the key. */
  readonly inKey: boolean
}

export function columnType(
  { shape, description, typmod = -1 }: RelationColumn,
  inKey: boolean,
): ValueType | RefusedType {
  return valueType(shape, { typmod: description?.typmod ?? typmod, inKey })
}

/** Returns why there is no Avro type for the shape, if there is none. */
export function valueType(shape: TypeShape, options: TypeOptions): ValueType | RefusedType {
  switch (shape.tag) {
    case 'scalar':
      return scalarType(shape.name, options.typmod)
    case 'array': {
      const element = valueType(shape.element, options)
      if (element.tag === 'refused') return refusedItems(element)
      const write = arrayWriter(element.write, shape.delimiter, options.inKey)
      return { ...element, schema: ['null', { type: 'array', items: element.schema }], write, decimal: undefined }
    }
    case 'enum':
      return { tag: 'type', schema: text, write: writeText }
    case 'range':
    case 'composite':
      return { tag: 'type', schema: text, write: writeText, note: "PostgreSQL's text" }
  }
}

function scalarType(name: string, typmod: number): ValueType | RefusedType {
  if (name === 'numeric') return typmod < 0 ? refusedTypes.numeric : decimalType(decimalOf(typmod))
  if (name === 'oid') return refusedTypes.oid
  if (name === 'float4' || name === 'float8') return { tag: 'type', schema: ['null', 'double'], write: doubleWriter() }
  if (name === 'interval') return { tag: 'type', schema: text, write: writeInterval, note: 'ISO 8601' }
  const plain = plainTypes.find(([, , ...types]) => types.includes(name))
  if (plain !== undefined) return { tag: 'type', schema: ['null', plain[0]], write: plain[1] }
  return { tag: 'type', schema: text, write: writeText, note: "PostgreSQL's text" }
}

function decimalType(decimal: Decimal): ValueType {
  const bytes = { type: 'bytes', logicalType: 'decimal', ...decimal }
  return { tag: 'type', schema: ['null', bytes, 'string'], write: decimalWriter(decimal.scale), decimal }
}

/**
 * Reads the modifier of a numeric, of whose scale the lowest 11 bits are a signed number. The scale may be negative, or
 * larger than the precision. Avro allows neither, so the decimal has more digits then.
 */
export function decimalOf(typmod: number): Decimal {
  const precision = ((typmod - 4) >> 16) & 0xffff
  const scale = (((typmod - 4) & 0x7ff) ^ 0x400) - 0x400
  if (scale < 0) return { precision: precision - scale, scale: 0 }
  return { precision: Math.max(precision, scale), scale }
}

/** Whether `type` can write what PostgreSQL has printed as `printed`, another type that the column had. */
export function takesTextOf(type: ValueType, printed: ValueType | RefusedType): boolean {
  if (type.write === writeText) return true
  if (printed.tag === 'refused') return false
  const { decimal: to } = type
  const { decimal: from } = printed
  if (to !== undefined && from !== undefined) {
    return to.scale >= from.scale && to.precision - to.scale >= from.precision - from.scale
  }
  return type.note === printed.note && JSON.stringify(type.schema) === JSON.stringify(printed.schema)
}
