// Whether a value prints the same before and after its column got another type without being written anew.

import type { TypeShape } from '../../core/table.ts'

/** These types have the same text for the same value, and PostgreSQL changes one into the other without writing rows anew. */
const texts: ReadonlySet<string> = new Set(['text', 'varchar'])

export function printsAlike(was: TypeShape, is: TypeShape): boolean {
  if (was.tag === 'scalar') {
    return is.tag === 'scalar' && (was.name === is.name || (texts.has(was.name) && texts.has(is.name)))
  }
  if (was.tag === 'array') {
    return is.tag === 'array' && was.delimiter === is.delimiter && printsAlike(was.element, is.element)
  }
  if (was.tag !== 'composite') return was.tag === is.tag
  if (is.tag !== 'composite' || was.fields.length !== is.fields.length) return false
  return was.fields.every(({ name, shape }, i) => {
    const field = is.fields[i]
    return field !== undefined && name === field.name && printsAlike(shape, field.shape)
  })
}
