// Reads the value of --tables: names with commas between them, as SQL writes them.

import { FeedError } from '../errors/feed-error.ts'
import type { TableName } from './facts/read-tables.ts'

const name = `"(?:[^"]|"")+"|[^".,\\s]+`
const one = new RegExp(`^\\s*(${name})\\s*(?:\\.\\s*(${name})\\s*)?$`)

/** A name without a schema is one of schema public. */
export function readTableNames(text: string): readonly TableName[] {
  return splitList(text).map((part) => {
    const match = one.exec(part)
    if (match === null)
      throw new FeedError('FEED_OPTION', `--tables: "${part.trim()}" is no name of a table`, {
        hint: 'for example --tables=orders,sales.invoices,\'public."Mixed Case"\'',
      })
    const [, first = '', second] = match
    return second === undefined
      ? { schema: 'public', name: unquoted(first) }
      : { schema: unquoted(first), name: unquoted(second) }
  })
}

/** Splits at the commas that are not within quotes. */
function splitList(text: string): readonly string[] {
  return text.match(/(?:"(?:[^"]|"")*"|[^,])+/g) ?? []
}

function unquoted(written: string): string {
  return written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written.trim().toLowerCase()
}
