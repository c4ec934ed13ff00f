// The encoder of format=json. These are the envelopes, byte for byte; members are sorted by name at every level:
//
//   wrapped   {"after": row|null, "before": row|null, "key": […], "mvcc_timestamp": "…", "topic": "…", "updated": "…"}
//   row       {…columns…, "__crdb__": {"mvcc_timestamp": "…", "updated": "…"}}; a delete has no value
//   key_only  no value at all
//   resolved  {"resolved":"…"} or {"__crdb__":{"resolved":"…"}}, without spaces

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import type { FeedSpec } from '../../core/feed-spec.ts'
import { formatHlc, type Hlc } from '../../core/hlc.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowChange } from '../../core/row-change.ts'
import type { RowView } from '../../core/row-view.ts'
import type { Encoder } from '../encoder.ts'
import type { EncoderOpening } from '../format-facts.ts'
import { checkNames } from '../own-names.ts'
import type { RecordEncoder } from '../record-encoder.ts'
import { schemaNumber } from '../schema-number.ts'
import { envelopeText } from './envelope-text.ts'
import { jsonString } from './json-string.ts'
import { loadKernel } from './kernel/load-kernel.ts'
import { RunEncoder } from './kernel/run-encoder.ts'
import { tableProgram } from './kernel/table-program.ts'
import { jsonNames } from './own-names.ts'
import { RowWriter } from './row-writer.ts'
import { ValueWriters } from './value-writer.ts'

const quote = 0x22
export function open(spec: FeedSpec, { say }: EncoderOpening = {}): Encoder {
  return new JsonEncoder(spec, say)
}

class JsonEncoder implements Encoder {
  readonly #spec: FeedSpec
  readonly #say: EncoderOpening['say']
  readonly #topics: readonly Buffer[]
  readonly #values = new ValueWriters()
  readonly #writers = new WeakMap<RelationSchema, RowWriter>()
  readonly #extra: string | undefined
  #lastRelation: RelationSchema | undefined
  #lastWriter: RowWriter | undefined
  #change: RowChange | undefined
  readonly #writeMetadata = (out: ByteWriter): void => this.#metadata(out)

  constructor(spec: FeedSpec, say: EncoderOpening['say']) {
    this.#spec = spec
    this.#say = say
    this.#topics = spec.targets.map(({ topic }) => jsonString(topic))
    this.#extra = jsonNames.ownNames(spec)[0]
  }

  prepare(relation: RelationSchema): number {
    checkNames(jsonNames, this.#spec, relation)
    return schemaNumber(relation)
  }

  encodeKey(relation: RelationSchema, row: RowView, out: ByteWriter): void {
    this.#writer(relation).key(row, out)
  }

  encodeValue(change: RowChange, out: ByteWriter): boolean {
    switch (this.#spec.envelope) {
      case 'key_only':
        return false
      case 'row':
        if (change.after === undefined) return false
        this.#change = change
        this.#writer(change.after.relation ?? change.relation).row(change.after, out, this.#writeMetadata)
        this.#change = undefined
        return true
      case 'wrapped':
        this.#wrapped(change, out)
        return true
    }
  }

  openRecords(): RecordEncoder | undefined {
    const kernel = loadKernel((why) => this.#say?.(`rows are encoded in JavaScript, which takes longer: ${why}`))
    const spec = this.#spec
    const extra = this.#extra
    const values = this.#values
    const topicOf = (topic: number): Buffer => this.#topics[topic] as Buffer
    return (
      kernel &&
      new RunEncoder(kernel, (relation, topic) =>
        tableProgram(relation, { spec, topic: topicOf(topic), extra, values }),
      )
    )
  }

  prepareResolved(): undefined {
    return undefined
  }

  encodeResolved(_topic: number, at: Hlc, out: ByteWriter): void {
    const inner = `{"resolved":"${formatHlc(at)}"}`
    out.latin1(this.#spec.envelope === 'wrapped' ? inner : `{"__crdb__":${inner}}`)
  }

  #wrapped(change: RowChange, out: ByteWriter): void {
    const { diff, keyInValue, mvccTimestamp, topicInValue, updated } = this.#spec
    out.copy(envelopeText.after)
    this.#row(change.after, change.relation, out)
    if (diff) {
      out.copy(envelopeText.before)
      this.#row(change.before, change.relation, out)
    }
    if (keyInValue) {
      out.copy(envelopeText.key)
      this.#writer(change.relation).key(change.key, out)
    }
    if (mvccTimestamp) {
      out.copy(envelopeText.mvcc)
      out.copy(change.mvcc)
      out.u8(quote)
    }
    if (topicInValue) {
      out.copy(envelopeText.topic)
      out.copy(this.#topics[change.topic] as Buffer)
    }
    if (updated) {
      out.copy(envelopeText.updated)
      out.copy(change.updated)
      out.u8(quote)
    }
    out.u8(0x7d)
  }

  #row(row: RowView | undefined, relation: RelationSchema, out: ByteWriter): void {
    if (row === undefined) out.copy(envelopeText.null)
    // A row from before a DDL of the same transaction has the columns of that time.
    else this.#writer(row.relation ?? relation).row(row, out)
  }

  #metadata(out: ByteWriter): void {
    const { mvcc, updated } = this.#change as RowChange
    const { mvccTimestamp, updated: withUpdated } = this.#spec
    out.u8(0x7b)
    // Both texts begin with `, `, which the first member does not need.
    if (mvccTimestamp) {
      out.copy(envelopeText.mvcc, 2)
      out.copy(mvcc)
      out.u8(quote)
    }
    if (withUpdated) {
      out.copy(envelopeText.updated, mvccTimestamp ? 0 : 2)
      out.copy(updated)
      out.u8(quote)
    }
    out.u8(0x7d)
  }

  #writer(relation: RelationSchema): RowWriter {
    if (relation === this.#lastRelation) return this.#lastWriter as RowWriter
    let writer = this.#writers.get(relation)
    if (writer === undefined) {
      writer = new RowWriter(relation, {
        values: this.#values,
        encodeJsonNullAsObject: this.#spec.encodeJsonNullAsObject,
        extra: this.#extra,
      })
      this.#writers.set(relation, writer)
    }
    this.#lastRelation = relation
    this.#lastWriter = writer
    return writer
  }
}
