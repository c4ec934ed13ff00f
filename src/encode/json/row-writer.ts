// A row as a JSON object (and its key as a JSON array), compiled once per relation: what stands between the values is
// ready as bytes, in the order in which members are printed.

import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { RelationSchema } from '../../core/relation.ts'
import { kind, type RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { valueWriter, type ValueWriter } from './value-writer.ts'
import { writeText } from './write-text.ts'

const nullBytes = Buffer.from('null')
const jsonNull = Buffer.from('{"__crdb_json_null__": true}')

interface Member {
  /** What precedes the value: `{"a": ` or `, "b": `. */
  readonly prefix: Buffer
  /** -1: the member that `extra` prints. */
  readonly index: number
  readonly write: ValueWriter
}

export interface RowWriterOptions {
  readonly encodeJsonNullAsObject: boolean
  /** Name of a member that the caller prints itself, sorted among the columns. */
  readonly extra: string | undefined
}

export class RowWriter {
  readonly #members: readonly Member[]
  readonly #key: readonly Member[]

  constructor(relation: RelationSchema, { encodeJsonNullAsObject, extra }: RowWriterOptions) {
    const columns = relation.columns.map(({ name, shape }, index) => {
      const write = valueWriter(shape)
      const isJson = shape.tag === 'scalar' && (shape.name === 'json' || shape.name === 'jsonb')
      return { name, index, write: isJson && encodeJsonNullAsObject ? nullAsObject(write) : write }
    })
    if (extra !== undefined) columns.push({ name: extra, index: -1, write: () => undefined })
    const sorted = columns
      .map((column) => ({ ...column, bytes: Buffer.from(column.name) }))
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    this.#members = sorted.map(({ name, index, write }, i) => ({ prefix: memberPrefix(name, i === 0), index, write }))
    this.#key = relation.keyIndexes.map((index, i) => ({
      prefix: Buffer.from(i === 0 ? '[' : ', '),
      index,
      write: columns[index]?.write ?? (() => undefined),
    }))
    if (this.#key.length === 0) throw new FeedError('FEED_ROW', `table "${relation.description.name}" has no primary key any more`)
  }

  key(row: RowView, out: ByteWriter): void {
    for (const member of this.#key) {
      out.copy(member.prefix)
      writeValue(member, row, out)
    }
    out.u8(0x5d)
  }

  /** `extra`: prints the value of the extra member. */
  row(row: RowView, out: ByteWriter, extra?: (out: ByteWriter) => void): void {
    const members = this.#members
    if (members.length === 0) {
      out.copy(nullBytes)
      return
    }
    for (let i = 0; i < members.length; i++) {
      const member = members[i] as Member
      out.copy(member.prefix)
      if (member.index < 0) extra?.(out)
      else writeValue(member, row, out)
    }
    out.u8(0x7d)
  }
}

function writeValue({ index, write }: Member, row: RowView, out: ByteWriter): void {
  const k = row.kinds[index]
  if (k === kind.text) write(row.bytes, row.starts[index] as number, row.ends[index] as number, out)
  else if (k === kind.null) out.copy(nullBytes)
  else throw new FeedError('FEED_BUG', 'a placeholder reached the encoder in place of a value')
}

function nullAsObject(write: ValueWriter): ValueWriter {
  return (bytes, start, end, out) => {
    if (end - start === 4 && bytes.toString('latin1', start, end) === 'null') out.copy(jsonNull)
    else write(bytes, start, end, out)
  }
}

function memberPrefix(name: string, isFirst: boolean): Buffer {
  const start = Buffer.from(isFirst ? '{' : ', ')
  return Buffer.concat([start, jsonString(name), Buffer.from(': ')])
}

export function jsonString(text: string): Buffer {
  const source = Buffer.from(text)
  const out = new ByteWriter(source.length + 64)
  writeText(source, 0, source.length, out)
  return Buffer.from(out.view())
}
