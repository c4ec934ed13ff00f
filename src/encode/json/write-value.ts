// The type of the functions that write values. value-writer.ts chooses one for each column; the functions for arrays and
// composite types call those for their elements.

import type { ByteWriter } from '../../bytes/byte-writer.ts'

/** Appends the JSON of the value in `bytes[start, end)`, which is not NULL. Throws FEED_ROW if the type does not print such text. */
export type ValueWriter = (bytes: Buffer, start: number, end: number, out: ByteWriter) => void
