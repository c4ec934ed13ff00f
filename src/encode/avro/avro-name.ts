// Makes names of Avro records and fields: `[A-Za-z_][A-Za-z0-9_]*`.

import { escapeCharacter, escapeName } from '../../core/escape-name.ts'

const forbidden = /[^a-zA-Z0-9_]/gu

export function avroName(name: string): string {
  return escapeName(name, forbidden).replace(/^\d/, escapeCharacter)
}
