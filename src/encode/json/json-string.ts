// Names as JSON, made once per feed or relation and copied into each row.

import { ByteWriter } from '../../bytes/byte-writer.ts'
import { writeText } from './write-text.ts'

export function jsonString(text: string): Buffer {
  const source = Buffer.from(text)
  const out = new ByteWriter(source.length + 64)
  writeText(source, 0, source.length, out)
  return Buffer.from(out.view())
}

/** What stands before a member's value: `{"a": ` or `, "a": `. */
export function memberPrefix(name: string, isFirst: boolean): Buffer {
  return Buffer.concat([Buffer.from(isFirst ? '{' : ', '), jsonString(name), Buffer.from(': ')])
}
