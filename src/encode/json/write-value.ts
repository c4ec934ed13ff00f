// What every writer of values is: value-writer.ts chooses one for each type, and those of arrays and composite types call
// the writers of their elements.

import type { ByteWriter } from '../../bytes/byte-writer.ts'

/** Appends the JSON of `bytes[start, end)`, which is not NULL. Throws FEED_ROW for what the type does not print. */
export type ValueWriter = (bytes: Buffer, start: number, end: number, out: ByteWriter) => void
