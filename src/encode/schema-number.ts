// The number of a schema for formats that register none: the same for the same columns, in whatever run it is computed. Files are named by it.

import { crc32 } from 'node:zlib'
import type { RelationSchema } from '../core/relation.ts'
import type { TypeShape } from '../core/table.ts'

/** Differs, as good as always, for relations whose columns have other names, types or another order. Never 0. */
export function schemaNumber({ columns, keyIndexes }: RelationSchema): number {
  const text = JSON.stringify([
    columns.map(({ name, shape, typmod = -1, description }) => {
      const named = [name, description?.typeName ?? [shape, typmod]]
      // The attributes of a type can change, and its name stays.
      return hasAttributes(shape) ? [...named, shape] : named
    }),
    keyIndexes,
  ])
  return crc32(text) || 1
}

function hasAttributes(shape: TypeShape): boolean {
  return shape.tag === 'composite' || (shape.tag === 'array' && hasAttributes(shape.element))
}
