// The encoder of format=avro. Schemas are in a registry, and messages begin with the id of theirs. These are the envelopes:
//
//   wrapped   [before] after [updated] [mvcc_timestamp], each a union with null
//   key_only  no value at all
//   resolved  resolved
//
// The registry gets the schema of a key, then that of a value, and that of a resolved message only when one is to be sent.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import type { FeedSpec, FeedTarget } from '../../core/feed-spec.ts'
import { formatHlc, type Hlc } from '../../core/hlc.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowChange } from '../../core/row-change.ts'
import type { RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { openRegistry, type SchemaRegistry } from '../../schema-registry/schema-registry.ts'
import type { Encoder } from '../encoder.ts'
import type { EncoderOpening } from '../format-facts.ts'
import { TargetSchemas } from './schemas.ts'
import { messageHeader, TableWriter, writeTimestampText } from './table-writer.ts'

export function open(spec: FeedSpec, opening: EncoderOpening): Encoder {
  const { registry } = spec
  if (registry === undefined) throw new FeedError('FEED_BUG', 'a changefeed with format=avro has no schema registry')
  return new AvroEncoder(spec, openRegistry(registry, opening))
}

export class AvroEncoder implements Encoder {
  readonly #spec: FeedSpec
  readonly #registry: SchemaRegistry
  /** The writers of the relations that are prepared. */
  readonly #tables = new WeakMap<RelationSchema, TableWriter>()
  /** The headers of resolved messages by topic. */
  readonly #resolved: (Buffer | undefined)[] = []
  #lastRelation: RelationSchema | undefined
  #lastTable: TableWriter | undefined

  constructor(spec: FeedSpec, registry: SchemaRegistry) {
    this.#spec = spec
    this.#registry = registry
  }

  prepare(relation: RelationSchema, topic: number): number | Promise<number> {
    const known = this.#tables.get(relation)
    if (known !== undefined) return known.schema
    const table = new TableWriter(this.#spec, this.#target(topic), relation)
    const ready = (schema: number): number => {
      this.#tables.set(relation, table)
      return schema
    }
    const schema = table.register(this.#registry)
    return typeof schema === 'number' ? ready(schema) : schema.then(ready)
  }

  encodeKey(relation: RelationSchema, row: RowView, out: ByteWriter): void {
    this.#table(relation).key(row, out)
  }

  encodeValue(change: RowChange, out: ByteWriter): boolean {
    if (this.#spec.envelope === 'key_only') return false
    this.#table(change.relation).value(change, out)
    return true
  }

  prepareResolved(topic: number): Promise<void> | undefined {
    const schemas = new TargetSchemas(this.#spec, this.#target(topic))
    const id = this.#registry.register(schemas.valueSubject, schemas.resolved())
    const ready = (known: number): void => {
      this.#resolved[topic] = messageHeader(known)
    }
    return typeof id === 'number' ? void ready(id) : id.then(ready)
  }

  encodeResolved(topic: number, at: Hlc, out: ByteWriter): void {
    const header = this.#resolved[topic]
    if (header === undefined) throw notPrepared()
    out.copy(header)
    writeTimestampText(Buffer.from(formatHlc(at)), out)
  }

  #target(topic: number): FeedTarget {
    return this.#spec.targets[topic] as FeedTarget
  }

  #table(relation: RelationSchema): TableWriter {
    if (relation === this.#lastRelation) return this.#lastTable as TableWriter
    const table = this.#tables.get(relation)
    if (table === undefined) throw notPrepared()
    this.#lastRelation = relation
    this.#lastTable = table
    return table
  }
}

function notPrepared(): FeedError {
  return new FeedError('FEED_BUG', 'a message was encoded before its schema was registered')
}
