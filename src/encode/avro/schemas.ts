// The schemas that are registered, member by member in CockroachDB's order: type, name, default, __crdb__, and then doc;
// type, name, fields, namespace. All fields are unions that begin with null, and null is the default of all.

import { columnDefinition, sourceColumnDefinition } from '../../core/column-definition.ts'
import { kafkaTopicName } from '../../core/kafka-name.ts'
import type { FeedSpec, FeedTarget } from '../../core/feed-spec.ts'
import type { RelationColumn } from '../../core/relation.ts'
import { avroName, avroRecordName } from './avro-name.ts'
import type { ValueType } from './value-type.ts'

export interface ColumnField {
  readonly column: RelationColumn
  readonly type: ValueType
}

type Schema = Readonly<Record<string, unknown>>

/** The schemas and subjects of one target of a changefeed. */
export class TargetSchemas {
  readonly #spec: FeedSpec
  readonly #table: string
  /** The name of the target in its subjects. Renames do not change it, so that a topic keeps its subjects. */
  readonly #name: string
  readonly #namespace: string | undefined

  constructor(spec: FeedSpec, { name, topic, tableName }: FeedTarget) {
    const { avroSchemaPrefix } = spec
    this.#spec = spec
    this.#table = tableName
    this.#name = (avroSchemaPrefix ?? '') + (name ?? topic)
    this.#namespace = avroSchemaPrefix
  }

  get keySubject(): string {
    return `${kafkaTopicName(this.#name)}-key`
  }

  get valueSubject(): string {
    return `${kafkaTopicName(this.#name)}-value`
  }

  key(fields: readonly ColumnField[]): string {
    return JSON.stringify(this.#record(avroRecordName(this.#name, this.#namespace), fields.map(columnField)))
  }

  /** The envelope of a row. */
  value(fields: readonly ColumnField[]): string {
    const { diff, mvccTimestamp, updated } = this.#spec
    const columns = fields.map(columnField)
    const before = `${avroName(this.#table)}_before`
    const after = avroRecordName(this.#table, this.#namespace)
    return this.#envelope([
      ...(diff ? [field('before', this.#record(before, columns))] : []),
      field('after', this.#record(after, columns)),
      ...(updated ? [field('updated', 'string')] : []),
      ...(mvccTimestamp ? [field('mvcc_timestamp', 'string')] : []),
    ])
  }

  /** It has the name of the other envelope, because both are versions of one subject. */
  resolved(): string {
    return this.#envelope([field('resolved', 'string')])
  }

  #envelope(fields: readonly Schema[]): string {
    return JSON.stringify(this.#record(`${avroName(this.#name)}_envelope`, fields))
  }

  #record(name: string, fields: readonly Schema[]): Schema {
    const namespace = this.#namespace
    return { type: 'record', name, fields, ...(namespace === undefined ? {} : { namespace }) }
  }
}

function field(name: string, type: unknown): Schema {
  return { type: ['null', type], name, default: null }
}

function columnField({ column: { name, description }, type: { schema, note } }: ColumnField): Schema {
  const about = note === undefined ? '' : ` (${note})`
  return {
    type: schema,
    name: avroName(name),
    default: null,
    ...(description && {
      __crdb__: columnDefinition(description),
      doc: `${sourceColumnDefinition(description)}${about}`,
    }),
  }
}
