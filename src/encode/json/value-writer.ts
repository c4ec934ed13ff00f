// How one value gets from PostgreSQL's text form into JSON: a function per type, chosen once per column.

import type { TypeShape } from '../../core/table.ts'
import { arrayWriter } from './write-array.ts'
import { compositeWriter } from './write-composite.ts'
import type { ValueWriter } from './write-value.ts'
import { writeJson } from './write-json.ts'
import { writeFloat, writeNumeric } from './write-number.ts'
import { writeBytea, writePlain, writeQuoted, writeText } from './write-text.ts'
import { writeBool, writeTimestamp, writeTimestamptz } from './write-time.ts'

/** Of an array with bounds that are not the usual. */
const openBound = 0x5b

/** By pg_type.typname. Types of other schemas have names with a dot and are never among them. */
const writers: ReadonlyMap<string, ValueWriter> = new Map<string, ValueWriter>([
  ['int2', writePlain],
  ['int4', writePlain],
  ['int8', writePlain],
  ['float4', writeFloat],
  ['float8', writeFloat],
  ['numeric', writeNumeric],
  ['bool', writeBool],
  ['bytea', writeBytea],
  ['date', writeQuoted],
  ['time', writeQuoted],
  ['timetz', writeQuoted],
  ['timestamp', writeTimestamp],
  ['timestamptz', writeTimestamptz],
  ['interval', writeQuoted],
  ['uuid', writeQuoted],
  ['inet', writeQuoted],
  ['cidr', writeQuoted],
  ['bit', writeQuoted],
  ['varbit', writeQuoted],
  ['json', writeJson],
  ['jsonb', writeJson],
])

/** As part of a key, where values that are not equal must not print alike. */
export function keyWriter(shape: TypeShape): ValueWriter {
  switch (shape.tag) {
    case 'array': {
      const write = arrayWriter(keyWriter(shape.element), shape.delimiter)
      // `[0:1]={1,2}` is another value than `{1,2}`, and JSON has no bounds: it is printed as its text.
      return (bytes, start, end, out) => (bytes[start] === openBound ? writeText : write)(bytes, start, end, out)
    }
    case 'composite':
      return compositeWriter(shape.fields.map(({ name, shape: field }) => ({ name, write: keyWriter(field) })))
    default:
      return valueWriter(shape)
  }
}

/** Whatever has no rule of its own is its text in a string. */
export function valueWriter(shape: TypeShape): ValueWriter {
  switch (shape.tag) {
    case 'scalar':
      return writers.get(shape.name) ?? writeText
    case 'array':
      return arrayWriter(valueWriter(shape.element), shape.delimiter)
    case 'composite':
      return compositeWriter(shape.fields.map(({ name, shape: field }) => ({ name, write: valueWriter(field) })))
    case 'enum':
    case 'range':
      return writeText
  }
}
