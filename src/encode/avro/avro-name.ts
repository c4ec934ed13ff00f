// Makes names of Avro records and fields: `[A-Za-z_][A-Za-z0-9_]*`. A record without a namespace must not be named like a
// primitive type.

import { escapeCharacter, escapeName } from '../../core/escape-name.ts'

const forbidden = /[^a-zA-Z0-9_]/gu
const primitive = /^(?:null|boolean|int|long|float|double|bytes|string)$/

export function avroName(name: string): string {
  return escapeName(name, forbidden).replace(/^\d/, escapeCharacter)
}

/** `namespace`: of the record; undefined: it has none. */
export function avroRecordName(name: string, namespace: string | undefined): string {
  const escaped = avroName(name)
  return namespace === undefined && primitive.test(escaped) ? escaped.replace(/^./, escapeCharacter) : escaped
}
