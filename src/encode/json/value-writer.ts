// How one value gets from PostgreSQL's text form into JSON: a function per type, chosen once per column.

import type { TypeShape } from '../../core/table.ts'
import { arrayWriter } from './write-array.ts'
import { compositeWriter } from './write-composite.ts'
import type { ValueWriter } from './write-value.ts'
import { JsonWriter } from './write-json.ts'
import { NumberWriter } from './write-number.ts'
import { writeBytea, writePlain, writeQuoted, writeText } from './write-text.ts'
import { writeBool, writeTimestamp, writeTimestamptz } from './write-time.ts'

/** Of an array with bounds that are not the usual. */
const openBound = 0x5b

/** By pg_type.typname. Types of other schemas have names with a dot and are never among them. */
const plainWriters: ReadonlyMap<string, ValueWriter> = new Map<string, ValueWriter>([
  ['int2', writePlain],
  ['int4', writePlain],
  ['int8', writePlain],
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
])

/** The writers of one encoder. Those that need memory of their own share it, as they run one after the other. */
export class ValueWriters {
  readonly #numbers = new NumberWriter()
  /** Made for the first column of its type: most feeds have none. */
  #json: JsonWriter | undefined

  /** Whatever has no rule of its own is its text in a string. */
  of(shape: TypeShape): ValueWriter {
    switch (shape.tag) {
      case 'scalar':
        return this.#scalar(shape.name)
      case 'array':
        return arrayWriter(this.of(shape.element), shape.delimiter)
      case 'composite':
        return compositeWriter(shape.fields.map(({ name, shape: field }) => ({ name, write: this.of(field) })))
      case 'enum':
      case 'range':
        return writeText
    }
  }

  /** For a part of a key, where values that are not equal must not print alike. */
  ofKey(shape: TypeShape): ValueWriter {
    switch (shape.tag) {
      case 'array': {
        const write = arrayWriter(this.ofKey(shape.element), shape.delimiter)
        // `[0:1]={1,2}` is another value than `{1,2}`, and JSON has no bounds: it is printed as its text.
        return (bytes, start, end, out) => (bytes[start] === openBound ? writeText : write)(bytes, start, end, out)
      }
      case 'composite':
        return compositeWriter(shape.fields.map(({ name, shape: field }) => ({ name, write: this.ofKey(field) })))
      default:
        return this.of(shape)
    }
  }

  #scalar(type: string): ValueWriter {
    switch (type) {
      case 'float4':
      case 'float8':
        return this.#numbers.float
      case 'numeric':
        return this.#numbers.numeric
      case 'json':
      case 'jsonb':
        this.#json ??= new JsonWriter(this.#numbers)
        return this.#json.write
      default:
        return plainWriters.get(type) ?? writeText
    }
  }
}
