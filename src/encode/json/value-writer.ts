// Chooses, once per column, the function that turns values from PostgreSQL's text form into JSON.

import type { TypeShape } from '../../core/table.ts'
import { arrayWriter } from './write-array.ts'
import { compositeWriter } from './write-composite.ts'
import type { ValueWriter } from './write-value.ts'
import { JsonWriter } from './write-json.ts'
import { NumberWriter } from './write-number.ts'
import { writeBytea, writePlain, writeQuoted, writeText } from './write-text.ts'
import { writeBool, writeTimestamp, writeTimestamptz } from './write-time.ts'

/** The first byte of an array whose lower bounds are not 1. */
const openBound = 0x5b

/** The writers that need no memory of their own, and their types (pg_type.typname). Types of other schemas have names with a dot. */
const plainWriters: readonly (readonly [ValueWriter, ...types: string[]])[] = [
  [writePlain, 'int2', 'int4', 'int8'],
  [writeBool, 'bool'],
  [writeBytea, 'bytea'],
  [writeTimestamp, 'timestamp'],
  [writeTimestamptz, 'timestamptz'],
  [writeQuoted, 'date', 'time', 'timetz', 'interval', 'uuid', 'inet', 'cidr', 'bit', 'varbit'],
]

/** The writers of one encoder. The writers that need memory share it between columns, because they run one after the other. */
export class ValueWriters {
  readonly #numbers = new NumberWriter()
  /** It is made when a column needs it: most feeds have no json. */
  #json: JsonWriter | undefined

  /** A type that has no rule is printed as a string with PostgreSQL's text. */
  of(shape: TypeShape): ValueWriter {
    switch (shape.tag) {
      case 'scalar':
        return this.#scalar(shape.name)
      case 'array':
        return arrayWriter(this.of(shape.element), shape.delimiter)
      case 'composite':
        return this.#composite(shape, (field) => this.of(field))
      case 'enum':
      case 'range':
        return writeText
    }
  }

  /** Returns the writer for a part of a key, where values that are not equal must have different JSON. */
  ofKey(shape: TypeShape): ValueWriter {
    switch (shape.tag) {
      case 'array': {
        const write = arrayWriter(this.ofKey(shape.element), shape.delimiter)
        // `[0:1]={1,2}` and `{1,2}` are not equal, but JSON has no bounds: the former is printed as PostgreSQL's text.
        return (bytes, start, end, out) => (bytes[start] === openBound ? writeText : write)(bytes, start, end, out)
      }
      case 'composite':
        return this.#composite(shape, (field) => this.ofKey(field))
      default:
        return this.of(shape)
    }
  }

  #composite(
    { fields, former }: TypeShape & { tag: 'composite' },
    writerOf: (shape: TypeShape) => ValueWriter,
  ): ValueWriter {
    const writers = (list: typeof fields): { name: string; write: ValueWriter }[] =>
      list.map(({ name, shape }) => ({ name, write: writerOf(shape) }))
    return compositeWriter(writers(fields), former?.map(writers))
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
        return plainWriterOf(type)
    }
  }
}

/** Returns the writer of a type that needs no memory. */
export function plainWriterOf(type: string): ValueWriter {
  return plainWriters.find(([, ...types]) => types.includes(type))?.[0] ?? writeText
}
