// Says which operation of the kernel prints the values of a type: the one that does what the reference writer of the type does.

import type { TypeShape } from '../../../core/table.ts'
import { plainWriterOf, type ValueWriters } from '../value-writer.ts'
import type { ValueWriter } from '../write-value.ts'
import { writeBytea, writePlain, writeQuoted, writeText } from '../write-text.ts'
import { writeBool, writeTimestamp, writeTimestamptz } from '../write-time.ts'
import { fixedBytesOf, type HostWriter } from './host-writer.ts'
import {
  opArray,
  opBool,
  opBytea,
  opFloat,
  opHost,
  opJson,
  opJsonNotNull,
  opKeyArray,
  opNumeric,
  opPlain,
  opQuoted,
  opText,
  opTimestamp,
  opTimestamptz,
} from './layout.ts'

export interface Operation {
  readonly op: number
  /** For an array, the operation of its elements and the byte between them. */
  readonly element: number
  readonly delimiter: number
  /** Who writes the values if the kernel does not. */
  readonly host?: HostWriter
}

const plainOperations: ReadonlyMap<ValueWriter, number> = new Map([
  [writePlain, opPlain],
  [writeText, opText],
  [writeQuoted, opQuoted],
  [writeBytea, opBytea],
  [writeBool, opBool],
  [writeTimestamp, opTimestamp],
  [writeTimestamptz, opTimestamptz],
])

export interface Place {
  readonly inKey: boolean
  /** `encode_json_value_null_as_object`. */
  readonly nullAsObject: boolean
  /** The reference writers, for types for which the kernel has no operation. */
  readonly values: ValueWriters
}

export function operationOf(shape: TypeShape, place: Place): Operation {
  return operationOfKernel(shape, place) ?? operationOfHost(shape, place)
}

function operationOfHost(shape: TypeShape, { inKey, values }: Place): Operation {
  const write = inKey ? values.ofKey(shape) : values.of(shape)
  return { op: opHost, element: 0, delimiter: 0, host: { write, fixedBytes: fixedBytesOf(shape) } }
}

function operationOfKernel(shape: TypeShape, { inKey, nullAsObject }: Omit<Place, 'values'>): Operation | undefined {
  switch (shape.tag) {
    case 'enum':
    case 'range':
      return scalar(opText)
    case 'scalar':
      return scalar(scalarOperation(shape.name, nullAsObject))
    case 'array': {
      const { element, delimiter } = shape
      if (element.tag === 'array' || element.tag === 'composite' || !/^[\x21-\x7e]$/.test(delimiter)) return undefined
      const of = operationOfKernel(element, { inKey, nullAsObject: false })
      return of && { op: inKey ? opKeyArray : opArray, element: of.op, delimiter: delimiter.charCodeAt(0) }
    }
    case 'composite':
      return undefined
  }
}

function scalar(op: number | undefined): Operation | undefined {
  return op === undefined ? undefined : { op, element: 0, delimiter: 0 }
}

function scalarOperation(name: string, nullAsObject: boolean): number | undefined {
  switch (name) {
    case 'float4':
    case 'float8':
      return opFloat
    case 'numeric':
      return opNumeric
    case 'json':
    case 'jsonb':
      return nullAsObject ? opJsonNotNull : opJson
    default:
      return plainOperations.get(plainWriterOf(name))
  }
}
