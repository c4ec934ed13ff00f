// Writes a row as a JSON object, and its key as a JSON array. What is between the values is prepared as bytes once per
// relation, in the order in which members are printed.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import type { RelationSchema } from '../../core/relation.ts'
import { kind, type RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { printedMembers, sortedMembers, type Member } from './members.ts'
import type { ValueWriters } from './value-writer.ts'
import type { ValueWriter } from './write-value.ts'

const space = 0x20
const nullBytes = Buffer.from('null')
const jsonNull = Buffer.from('{"__crdb_json_null__": true}')

export interface RowWriterOptions {
  readonly values: ValueWriters
  readonly encodeJsonNullAsObject: boolean
  /** The name of a member that is sorted among the columns and that the caller prints. It hides a column of that name. */
  readonly extra: string | undefined
}

export class RowWriter {
  readonly #table: string
  readonly #members: readonly Member[]
  readonly #key: readonly Member[]

  constructor(
    { columns, description, keyIndexes }: RelationSchema,
    { values, encodeJsonNullAsObject, extra }: RowWriterOptions,
  ) {
    this.#table = description.name
    const all = columns.map(({ shape }) => {
      const write = values.of(shape)
      const inKey = shape.tag === 'array' || shape.tag === 'composite' ? values.ofKey(shape) : undefined
      const isJson = shape.tag === 'scalar' && (shape.name === 'json' || shape.name === 'jsonb')
      return { inKey, write: isJson && encodeJsonNullAsObject ? nullAsObject(write) : write }
    })
    this.#key = keyIndexes.map((index, i) => ({
      prefix: Buffer.from(i === 0 ? '[' : ', '),
      index,
      write: all[index]?.inKey ?? all[index]?.write ?? noColumn,
    }))
    this.#members = sortedMembers(printedMembers(columns, extra)).map(({ prefix, index }) => ({
      prefix,
      index,
      write: all[index]?.write ?? noColumn,
    }))
  }

  key(row: RowView, out: ByteWriter): void {
    const members = this.#key
    if (members.length === 0) throw new FeedError('FEED_ROW', `table "${this.#table}" has no primary key any more`)
    for (let i = 0; i < members.length; i++) {
      const member = members[i] as Member
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
  const k = index < row.count ? row.kinds[index] : undefined
  if (k === kind.text) write(row.bytes, row.starts[index] as number, row.ends[index] as number, out)
  else if (k === kind.null) out.copy(nullBytes)
  else throw new FeedError('FEED_BUG', 'a placeholder reached the encoder in place of a value')
}

function noColumn(): void {
  throw new FeedError('FEED_BUG', 'a key names a column that the relation does not have')
}

/** Returns a writer for json and jsonb that distinguishes a JSON null from NULL. The type json may have blanks around it. */
function nullAsObject(write: ValueWriter): ValueWriter {
  return (bytes, start, end, out) => {
    let from = start
    let to = end
    while (from < to && (bytes[from] as number) <= space) from += 1
    while (to > from && (bytes[to - 1] as number) <= space) to -= 1
    if (to - from === 4 && bytes[from] === 0x6e) out.copy(jsonNull)
    else write(bytes, from, to, out)
  }
}
