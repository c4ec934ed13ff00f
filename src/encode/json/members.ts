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

interface Named {
  readonly name: string
  readonly index: number
}

/**
 * The columns of a row that are printed. `extra` is the name of a member that is sorted among them and that the caller prints; it
 * hides a column of that name.
 */
export function printedMembers(columns: readonly { readonly name: string }[], extra: string | undefined): Named[] {
  const printed = columns.map(({ name }, index) => ({ name, index })).filter(({ name }) => name !== extra)
  return extra === undefined ? printed : [...printed, { name: extra, index: -1 }]
}

/** Sorts members by the bytes of their names. */
export function sortedMembers(members: readonly Named[]): readonly Omit<Member, 'write'>[] {
  return members
    .map(({ name, index }) => ({ name, bytes: Buffer.from(name), index }))
    .sort((a, b) => a.bytes.compare(b.bytes))
    .map(({ name, index }, i) => {
      const prefix = Buffer.concat([Buffer.from(i === 0 ? '{' : ', '), jsonString(name), Buffer.from(': ')])
      return { prefix, index }
    })
}
