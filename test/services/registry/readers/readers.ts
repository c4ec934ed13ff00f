// Every decoder that must understand our Avro.

import type { AvroReader } from './avro-reader.ts'
import { javaReader } from './java-reader.ts'
import { openPythonReader } from './python-reader.ts'

/** Those that can run here; why another cannot is told to `tell`. */
export function avroReaders(tell: (text: string) => void): readonly AvroReader[] {
  const python = openPythonReader()
  if (!('missing' in python)) return [javaReader, python]
  tell(`fastavro is left out: ${python.missing}`)
  return [javaReader]
}
