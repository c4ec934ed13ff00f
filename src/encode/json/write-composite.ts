// Writes composite values: the JSON is an object of the attributes, sorted by name.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { attributesOf, CompositeText } from '../../core/composite-text.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { sortedMembers, type Member } from './members.ts'
import type { ValueWriter } from './write-value.ts'

const nullBytes = Buffer.from('null')

export interface CompositeField {
  readonly name: string
  readonly write: ValueWriter
}

/** `former`: the attributes that the type had before. Their number tells which ones a value has. */
export function compositeWriter(
  fields: readonly CompositeField[],
  former: readonly (readonly CompositeField[])[] = [],
): ValueWriter {
  const lists = [fields, ...former].map((list) =>
    sortedMembers(list.map(({ name }, index) => ({ name, index }))).map(({ prefix, index }): Member => {
      const { write } = list[index] as CompositeField
      return { prefix, index, write }
    }),
  )

  // No composite type contains itself, so one value is read at a time.
  const text = new CompositeText()
  return (bytes: Buffer, start: number, end: number, out: ByteWriter): void => {
    if (!text.read(bytes, start, end)) throw malformed()
    const members = attributesOf(text, lists)
    if (members === undefined) throw otherFields(text.count, fields.length)
    if (members.length === 0) out.u8(0x7b)
    for (let i = 0; i < members.length; i++) {
      const { prefix, index, write } = members[i] as Member
      out.copy(prefix)
      if (text.isNull(index)) out.copy(nullBytes)
      else write(text.bytesOf(index), text.startOf(index), text.endOf(index), out)
    }
    out.u8(0x7d)
  }
}

/** The type had other attributes when the value was written, and it is not known which field is which attribute. */
function otherFields(count: number, known: number): FeedError {
  const message = `a composite value has ${count} fields, and its type is known with ${known}`
  return new FeedError('FEED_ROW', message, {
    hint: 'the type was changed while rows were written with it; start the changefeed again with an initial scan',
  })
}

function malformed(): FeedError {
  return new FeedError('FEED_ROW', 'a composite value does not parse')
}
