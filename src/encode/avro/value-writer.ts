// The type of the functions that write values, and the errors for values that Avro has no place for.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { FeedError } from '../../errors/feed-error.ts'

/**
 * Appends the value in `bytes[start, end)`, which is not NULL, together with the index of its branch in the union
 * `["null", …]`. Throws FEED_ROW if Avro has no place for it.
 */
export type ValueWriter = (bytes: Buffer, start: number, end: number, out: ByteWriter) => void

/** The indexes of the branches of a union as Avro writes them. */
export const branch = { null: 0, first: 2, second: 4 } as const

/** In the condition of a refused value, the name of its column, which only the writer of the row knows. */
export const columnPlace = '$column'

/** `condition`: finds the rows with such values in PostgreSQL. The writer of the row makes a hint of it. */
export function refusedValue(message: string, condition: string): FeedError {
  return new FeedError('FEED_ROW', message, { hint: condition })
}

/** Returns the error for an array with such a value in it. */
export function refusedItem(error: unknown): unknown {
  if (!(error instanceof FeedError) || error.hint === undefined) return error
  const condition = error.hint.replaceAll(columnPlace, 'item')
  return refusedValue(error.message, `EXISTS (SELECT FROM unnest(${columnPlace}) AS item WHERE ${condition})`)
}

/** The text is not what PostgreSQL prints for the type. */
export function malformed(type: string): FeedError {
  return new FeedError('FEED_ROW', `a value of type ${type} does not parse`)
}
