// Names that messages of a format have beside those of the columns of a table. With a column of such a name, a message would have two
// values under one name, of which most readers show one. CREATE CHANGEFEED refuses such a table, and the encoder a table that has got
// such a column since then.

import { shownName } from '../core/quote.ts'
import type { RelationSchema } from '../core/relation.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { FormatFacts, Metadata, NamedFormat } from './format-facts.ts'

export interface NamedColumn {
  readonly schema: string
  readonly table: string
  readonly column: string
}

export function refusedName(format: Pick<FormatFacts, 'name'>, { schema, table, column }: NamedColumn): FeedError {
  const full = `${shownName(schema)}.${shownName(table)}`
  return new FeedError(
    'FEED_TARGET',
    `table "${table}" has a column ${column}, and format=${format.name} writes values of its own under that name`,
    {
      hint: `ALTER TABLE ${full} RENAME COLUMN ${shownName(column)} TO …, or leave out the option that adds it, or choose another format`,
    },
  )
}

/** Throws if a table has a column of such a name. `format`: that of the encoder. */
export function checkNames(format: NamedFormat, metadata: Metadata, { columns, description }: RelationSchema): void {
  const own = format.ownNames(metadata)
  const column = columns.find(({ name }) => own.includes(name))
  if (column === undefined) return
  const { schema, name: table } = description
  throw refusedName(format, { schema, table, column: column.name })
}
