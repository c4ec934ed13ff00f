// How values of types print, from what the catalogue says of the types. The shapes are those of changefeed.type_shape in
// sql/describe.sql; each is made once for all the tables of a reading.

import { FeedError } from '../../errors/feed-error.ts'
import type { AttributeRow, CompositeField, TypeShape } from '../../core/table.ts'
import { shapeOfType } from '../../core/built-in-types.ts'
import type { CatalogueFacts, TypeFacts } from './catalogue-facts.ts'

/** By the oid of a composite type, lists of attributes that it had before. */
export type FormerAttributes = ReadonlyMap<number, readonly (readonly AttributeRow[])[]>

/** The first oid of objects that initdb did not make. */
export const firstUserOid = 16384

/** Arrays by the catalogue, but their text is no array. */
const vectors: ReadonlySet<string> = new Set(['int2vector', 'oidvector'])

export type TypeLookup = Pick<CatalogueFacts['types'], 'get' | 'has'>

export class TypeShapes {
  readonly #types: TypeLookup
  readonly #shapes = new Map<number, TypeShape>()

  readonly #former: FormerAttributes

  constructor(types: TypeLookup, former: FormerAttributes = new Map()) {
    this.#types = types
    this.#former = former
  }

  shape(oid: number): TypeShape {
    let shape = this.#shapes.get(oid)
    if (shape === undefined) this.#shapes.set(oid, (shape = this.#make(oid, this.#facts(oid))))
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

  #make(oid: number, type: TypeFacts): TypeShape {
    if (type.kind === 'd') return this.shape(type.base)
    if (type.kind === 'e') return { tag: 'enum' }
    if (type.kind === 'r' || type.kind === 'm') return { tag: 'range' }
    if (type.kind === 'c') {
      const former = this.#former.get(oid)?.map((attributes) => this.#fields(attributes))
      const fields = this.#fields(type.attributes)
      return { tag: 'composite', fields, ...(former === undefined ? {} : { former }) }
    }
    if (type.category === 'A' && type.element !== 0 && type.length === -1 && !vectors.has(type.name)) {
      const { delimiter } = this.#facts(type.element)
      return { tag: 'array', element: this.shape(type.element), delimiter }
    }
    return { tag: 'scalar', name: type.schema === 'pg_catalog' ? type.name : `${type.schema}.${type.name}` }
  }

  #fields(attributes: readonly AttributeRow[]): CompositeField[] {
    const live = attributes.filter(([, name]) => name !== null)
    return live.map(([, name, part]) => ({ name: name ?? '', shape: this.#shapeOfPart(part) }))
  }

  /** A type that an attribute had may be gone. */
  #shapeOfPart(oid: number): TypeShape {
    return this.#types.has(oid) ? this.shape(oid) : shapeOfType(oid)
  }

  #facts(oid: number): TypeFacts {
    const type = this.#types.get(oid)
    if (type === undefined) throw new FeedError('FEED_BUG', `the catalogue was read without type ${oid}`)
    return type
  }
}
