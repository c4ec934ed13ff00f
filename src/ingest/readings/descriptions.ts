// What the log knows of tables, and how their descriptions change: each is made of what a reading has shown of the table, and of what its
// composite types have and had.

import type { TableDescription, TypeShape } from '../../core/table.ts'
import type { TypeFacts } from '../../source-schema/prepared/catalogue-facts.ts'
import { reshaped, type SeenTable } from '../../source-schema/prepared/describe-tables.ts'
import { firstUserOid, TypeShapes, type TypeLookup } from '../../source-schema/prepared/type-shapes.ts'
import { catalogueOf, mayHaveBeenUnlogged, rewritesOf, wasAttachedAgain } from './catalogue-rows.ts'
import { formerAttributes, type AttributesOfTypes } from './composites.ts'
import { GatedTable } from './gated-table.ts'
import type { Attributes } from './layouts.ts'
import { membershipOf } from './membership.ts'
import type { Era, TableReadings } from './table-readings.ts'

export interface DescriptionsOptions {
  readonly readings: TableReadings
  /** What the log holds of the tables it knows: their last descriptions. */
  readonly described: (relid: number) => Buffer | undefined
  /** Leaves out the rows that the open transaction still has of these tables, and ends their feeds. */
  readonly end: (relids: readonly number[], reason: string) => void
  /** Writes the description of a table into the log. */
  readonly describe: (relid: number, json: Buffer, dropped: boolean) => void
}

export class Descriptions {
  readonly #options: DescriptionsOptions
  readonly #tables = new Map<number, GatedTable>()
  /** Shapes of types, also of types that are gone. */
  readonly #shapes = new Map<number, TypeShape>()
  /** The last facts of every type: a composite may have had an attribute of a type that the table has no more. */
  readonly #facts = new Map<number, TypeFacts>()
  /** By the type of a column, the composite types that it consists of. */
  readonly #composites = new Map<number, Set<number>>()

  constructor(options: DescriptionsOptions) {
    this.#options = options
  }

  /** The tables that the source has announced, or that a reading has shown. */
  all(): Iterable<GatedTable> {
    return this.#tables.values()
  }

  find(relid: number): GatedTable | undefined {
    return this.#tables.get(relid)
  }

  shapeOf(typeOid: number): TypeShape | undefined {
    return this.#shapes.get(typeOid)
  }

  /** Keeps what a reading shows of types. */
  learn({ description, typeFacts, types }: SeenTable): void {
    const shapes = new TypeShapes(typeFacts)
    for (const oid of types) {
      const facts = typeFacts.get(oid)
      if (facts !== undefined) this.#facts.set(oid, facts)
    }
    for (const { typeOid, shape } of description.columns) {
      if (typeOid < firstUserOid) continue
      this.#shapes.set(typeOid, shape)
      const inside = this.#composites.get(typeOid) ?? new Set()
      for (const oid of shapes.inside(typeOid)) if (typeFacts.get(oid)?.kind === 'c') inside.add(oid)
      this.#composites.set(typeOid, inside)
    }
  }

  /** A type message, which names the type below a domain. */
  nameType(bytes: Buffer, start: number): void {
    const oid = bytes.readUInt32BE(start + 1)
    const zero = bytes.indexOf(0, start + 5)
    if (zero !== start + 5 || this.#shapes.has(oid)) return
    this.#shapes.set(oid, { tag: 'scalar', name: bytes.toString('latin1', zero + 1, bytes.indexOf(0, zero + 1)) })
  }

  /** What is known of a table, also if that is nothing. */
  table(relid: number): GatedTable {
    let table = this.#tables.get(relid)
    if (table !== undefined) return table
    table = new GatedTable(relid)
    this.#tables.set(relid, table)
    const json = this.#options.described(relid)?.toString('utf8')
    if (json === undefined) return table
    table.json = json
    table.inForce = JSON.parse(json) as TableDescription
    if (table.inForce.dropped !== true) table.owedTo = table.inForce.owedTo ?? []
    const { types = {}, typesAt = Number.POSITIVE_INFINITY } = table.inForce.catalogue ?? {}
    table.learn(new Map(Object.entries(types).map(([oid, lists]) => [Number(oid), lists])), typesAt)
    for (const { typeOid, shape } of table.inForce.columns) this.#shapes.set(typeOid, shape)
    return table
  }

  /** Describes the table with the attributes that its types have in an era, and with those that they had before. */
  reshape(table: GatedTable, { table: seen, since: at }: Era, also: AttributesOfTypes): void {
    const { inForce } = table
    if (inForce === undefined || seen === undefined) return
    this.write(table, this.withTypes(table, { ...inForce, seen, at, also }))
  }

  /** Describes the table as a reading has shown it. */
  adopt(table: GatedTable, era: Era): void {
    const seen = era.table
    if (seen === undefined) return
    this.introduceAncestors(era)
    // Rows of a partition are those of its partitioned tables, which have the same columns from the same moment on.
    for (const relid of seen.description.ancestors ?? []) {
      const ancestor = this.#options.readings.eras(relid).findLast(({ since }) => since <= era.since)
      if (ancestor !== undefined && ancestor.since > this.table(relid).era) this.adopt(this.table(relid), ancestor)
    }
    if (table.inForce === undefined) table.knownSince = era.since
    // An earlier attempt may have passed over rows.
    if (table.era < 0 && membershipOf(table.inForce, seen.description) === 'joined') table.hasPassedOver = true
    const { owedTo } = table
    table.owedTo = []
    this.write(table, this.#described(table, seen, era.since))
    table.era = era.since
    table.hasPassedOver = false
    this.#settleDebt(table, owedTo, seen.description.ancestors)
  }

  /** Describes the table as one that does not exist any more. */
  drop(table: GatedTable, { since }: Era): void {
    if (table.inForce === undefined || table.inForce.dropped === true) return
    const { owedTo } = table
    table.owedTo = []
    this.write(table, { ...table.inForce, dropped: true })
    table.era = since
    this.#settleDebt(table, owedTo)
  }

  /** Rows that were passed over for a scan are missing if the table is no partition any more when it could begin. */
  #settleDebt(table: GatedTable, owedTo: readonly number[], ancestors: readonly number[] = []): void {
    const unpaid = owedTo.filter((relid) => !ancestors.includes(relid))
    if (unpaid.length === 0) return
    const { schema = '', name = '' } = table.inForce ?? {}
    this.#options.end(
      unpaid,
      `partition ${schema}.${name} was attached, and was detached or dropped again before its rows could be read`,
    )
  }

  /** The partitioned tables that neither the log knows nor a reading has shown: until then no row of the era can be one of theirs. */
  unreadAncestors({ table: seen }: Era): readonly number[] {
    const ancestors = seen?.description.ancestors ?? []
    return ancestors.filter(
      (relid) => this.table(relid).inForce === undefined && this.#options.readings.eras(relid).length === 0,
    )
  }

  /** Describes the partitioned tables that the log does not know. They may have been read after the partition only. */
  introduceAncestors({ table: seen }: Era): void {
    for (const relid of seen?.description.ancestors ?? []) {
      const [first] = this.#options.readings.eras(relid)
      if (first !== undefined && this.table(relid).inForce === undefined) this.adopt(this.table(relid), first)
    }
  }

  /** Describes the table as a reading has shown it, but for what `change` makes of it. */
  writeAs(
    table: GatedTable,
    { table: seen, since: at }: Era,
    change: (seen: TableDescription) => TableDescription,
  ): void {
    if (seen !== undefined) this.write(table, change(this.#described(table, seen, at)))
  }

  /** The description of a table as a reading has shown it. */
  #described(table: GatedTable, seen: SeenTable, at: number): TableDescription {
    const rewrites = rewritesOf(table.inForce, seen)
    const was = table.inForce?.dropped === true ? undefined : table.inForce
    const unlogged = mayHaveBeenUnlogged(was, seen) ? at : was?.unlogged
    const attached = this.#attached(table, seen, at)
    const description = {
      ...seen.description,
      ...(rewrites > 0 ? { rewrites } : {}),
      ...(unlogged === undefined ? {} : { unlogged }),
      ...(attached === undefined ? {} : { attached }),
      ...(attached === at && table.hasPassedOver ? { passedOver: true as const } : {}),
      catalogue: catalogueOf(seen),
    }
    return this.withTypes(table, { ...description, seen, at, also: new Map() })
  }

  /**
   * Since when feeds do not know the rows of a partition: it was none of a known table before, and has pages. Whether it was attached or is
   * new cannot be told, so feeds read it in both cases. So they do where changes of a partition may not have been published.
   */
  #attached({ inForce }: GatedTable, seen: SeenTable, at: number): number | undefined {
    const { description, hasPages } = seen
    const was = inForce?.dropped === true ? undefined : inForce
    if (wasAttachedAgain(was, seen) || (seen.attachedBy !== '' && mayHaveBeenUnlogged(was, seen))) return at
    const isNew = description.ancestors?.some((relid) => {
      const ancestor = this.table(relid)
      return was?.ancestors?.includes(relid) !== true && ancestor.inForce !== undefined && ancestor.knownSince < at
    })
    return isNew === true && hasPages ? at : was?.attached
  }

  /** A description with what its composite types have in a reading, and with what they had before. */
  withTypes(
    table: GatedTable,
    { seen, at, also, ...description }: TableDescription & { seen: SeenTable; at: number; also: AttributesOfTypes },
  ): TableDescription {
    if (seen.layouts.size === 0) return description
    const types = new Map<number, Attributes[]>()
    for (const era of this.#options.readings.eras(table.relid).toReversed())
      for (const [oid, { attributes }] of era.table?.layouts ?? [])
        types.set(oid, [...(types.get(oid) ?? []), attributes])
    const used = this.compositesOf(description)
    const present = new Map([...seen.layouts].filter(([oid]) => used.has(oid)))
    const former = formerAttributes(present, [also, table.known, types])
    const known = [...present].map(([oid, { attributes }]) => [oid, [attributes, ...(former.get(oid) ?? [])]] as const)
    const catalogue = description.catalogue && {
      ...description.catalogue,
      ...(known.length > 0 ? { types: Object.fromEntries(known), typesAt: at } : {}),
    }
    table.learn(new Map(known), at)
    return reshaped({ ...description, catalogue }, typesIn(seen.typeFacts, this.#facts), former)
  }

  /** The composite types in the rows that a description is for; 0 stands for one that no reading has shown. */
  compositesOf(description: TableDescription | undefined): ReadonlySet<number> {
    const used = new Set<number>()
    for (const { typeOid, shape } of description?.columns ?? []) {
      if (typeOid < firstUserOid) continue
      const inside = this.#composites.get(typeOid)
      for (const oid of inside ?? (hasComposite(shape) ? [0] : [])) used.add(oid)
    }
    return used
  }

  /** Writes a description into the log, if it is another one. What is owed stands in it, for whoever reads the source next. */
  write(table: GatedTable, proposed: TableDescription): void {
    const { owedTo: _, ...rest } = proposed
    const description = table.owedTo.length === 0 ? rest : { ...rest, owedTo: table.owedTo }
    const json = JSON.stringify(description)
    table.inForce = description
    if (json === table.json) return
    table.json = json
    this.#options.describe(table.relid, Buffer.from(json), description.dropped === true)
  }
}

/** The types of a reading and, where it does not have them, those of others. */
function typesIn(present: TypeLookup, others: TypeLookup): TypeLookup {
  return { get: (oid) => present.get(oid) ?? others.get(oid), has: (oid) => present.has(oid) || others.has(oid) }
}

function hasComposite(shape: TypeShape): boolean {
  return shape.tag === 'composite' || (shape.tag === 'array' && hasComposite(shape.element))
}
