// Makes JSON strings of names. This happens once per feed or relation; each row gets a copy of the bytes.

import { ByteWriter } from '../../bytes/byte-writer.ts'
import { writeText } from './write-text.ts'

export function jsonString(text: string): Buffer {
  const source = Buffer.from(text)
  const out = new ByteWriter(source.length + 64)
  writeText(source, 0, source.length, out)
  return Buffer.from(out.view())
}
