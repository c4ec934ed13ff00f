// The members of the JSON objects for rows and composite values, in the order in which they are printed.

import { jsonString } from './json-string.ts'
import type { ValueWriter } from './write-value.ts'

export interface Member {
  /** The bytes before the value: `{"a": ` or `, "b": `. */
  readonly prefix: Buffer
  /** The index of the value in the order in which PostgreSQL prints them; -1 for a member that the caller prints. */
  readonly index: number
  readonly write: ValueWriter
}

/** Sorts members by the bytes of their names. */
export function sortedMembers(
  members: readonly (Pick<Member, 'index' | 'write'> & { readonly name: string })[],
): readonly Member[] {
  return members
    .map(({ name, index, write }) => ({ name, bytes: Buffer.from(name), index, write }))
    .sort((a, b) => a.bytes.compare(b.bytes))
    .map(({ name, index, write }, i) => {
      const prefix = Buffer.concat([Buffer.from(i === 0 ? '{' : ', '), jsonString(name), Buffer.from(': ')])
      return { prefix, index, write }
    })
}
