// How values of types print, from what the catalogue says of the types. The shapes are those of changefeed.type_shape in
// sql/describe.sql; each is made once for all the tables of a reading.

import { FeedError } from '../../errors/feed-error.ts'
import type { TypeShape } from '../../core/table.ts'
import type { CatalogueFacts, TypeFacts } from './catalogue-facts.ts'

/** The first oid of objects that initdb did not make. */
export const firstUserOid = 16384

/** Arrays by the catalogue, but their text is no array. */
const vectors: ReadonlySet<string> = new Set(['int2vector', 'oidvector'])

export class TypeShapes {
  readonly #types: CatalogueFacts['types']
  readonly #shapes = new Map<number, TypeShape>()

  constructor(types: CatalogueFacts['types']) {
    this.#types = types
  }

  shape(oid: number): TypeShape {
    let shape = this.#shapes.get(oid)
    if (shape === undefined) this.#shapes.set(oid, (shape = this.#make(this.#facts(oid))))
    return shape
  }

  /** The modifier that a domain gives to its values, or to those of an array; -1: there is none. */
  modifier(oid: number): number {
    let most = -1
    for (let at = oid; at !== 0;) {
      const type = this.#facts(at)
      if (type.kind === 'd') most = Math.max(most, type.typmod)
      if (type.kind === 'd') at = type.base
      else at = type.category === 'A' && type.length === -1 ? type.element : 0
    }
    return most
  }

  /** The type and all types that it consists of. */
  inside(oid: number, found = new Set<number>()): Set<number> {
    const type = this.#types.get(oid)
    if (type === undefined || found.has(oid)) return found
    found.add(oid)
    this.inside(type.base, found)
    this.inside(type.element, found)
    this.inside(type.range, found)
    for (const [, name, part] of type.attributes) if (name !== null) this.inside(part, found)
    return found
  }

  #make(type: TypeFacts): TypeShape {
    if (type.kind === 'd') return this.shape(type.base)
    if (type.kind === 'e') return { tag: 'enum' }
    if (type.kind === 'r' || type.kind === 'm') return { tag: 'range' }
    if (type.kind === 'c') {
      const live = type.attributes.filter(([, name]) => name !== null)
      return { tag: 'composite', fields: live.map(([, name, part]) => ({ name: name ?? '', shape: this.shape(part) })) }
    }
    if (type.category === 'A' && type.element !== 0 && type.length === -1 && !vectors.has(type.name)) {
      const { delimiter } = this.#facts(type.element)
      return { tag: 'array', element: this.shape(type.element), delimiter }
    }
    return { tag: 'scalar', name: type.schema === 'pg_catalog' ? type.name : `${type.schema}.${type.name}` }
  }

  #facts(oid: number): TypeFacts {
    const type = this.#types.get(oid)
    if (type === undefined) throw new FeedError('FEED_BUG', `the catalogue was read without type ${oid}`)
    return type
  }
}
