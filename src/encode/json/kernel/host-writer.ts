// The reference writer of a type for which the kernel has no operation. The kernel calls its host for each value of such a type, so
// that the other values of its row are still the kernel's.

import { ByteWriter } from '../../../bytes/byte-writer.ts'
import type { TypeShape } from '../../../core/table.ts'
import { jsonString } from '../json-string.ts'
import type { ValueWriter } from '../write-value.ts'
import { mostGrowth } from './layout.ts'

export interface HostWriter {
  readonly write: ValueWriter
  /** How many bytes a value may have that do not come from bytes of its text: the names of attributes. */
  readonly fixedBytes: number
}

/** `: ` after a name, `, ` or a brace before it. */
const aroundName = 4
const nullBytes = 4
const braces = 2
/** For so many elements of an array there is room for all names. With more of them, the text is mostly long enough, too. */
const roomyElements = 16
/** Types within types have names without end, and values that need room for all of them are rare. */
const mostFixedBytes = 16 * 1024

export function fixedBytesOf(shape: TypeShape): number {
  return Math.min(mostFixedBytes, allFixedBytes(shape))
}

function allFixedBytes(shape: TypeShape): number {
  switch (shape.tag) {
    case 'composite': {
      const { fields, former = [] } = shape
      const lists = [fields, ...former].map((list) =>
        list.map(fixedBytesOfField).reduce((sum, bytes) => sum + bytes, 0),
      )
      return braces + Math.max(...lists)
    }
    case 'array':
      return braces + roomyElements * fixedBytesOf(shape.element)
    default:
      return 0
  }
}

function fixedBytesOfField({ name, shape }: { readonly name: string; readonly shape: TypeShape }): number {
  return aroundName + jsonString(name).length + Math.max(nullBytes, fixedBytesOf(shape))
}

const out = new ByteWriter()
/** In place of an address: the reference must write the row. */
const givenUp = 0

/** Writes the value `[start, end)` of the kernel's memory to the address `at`, and returns the address after it, or 0. */
export function writeByHost(
  { write, fixedBytes }: HostWriter,
  memory: Buffer,
  { at, start, end }: { readonly at: number; readonly start: number; readonly end: number },
): number {
  out.clear()
  try {
    write(memory, start, end, out)
  } catch {
    // The reference has the same error, when it comes to this row.
    return givenUp
  }
  if (out.length > fixedBytes + mostGrowth * (end - start)) return givenUp
  return at + out.buffer.copy(memory, at, 0, out.length)
}
