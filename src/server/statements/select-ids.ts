// Runs the query by which a statement names its jobs or queries: on the session's own backend, with the values of the client's
// placeholders written into the text.

import { quoteString } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { LocalCall } from '../../pg-server/local-statement.ts'
import { lex } from '../../sql/lexer.ts'
import { applySplices } from '../../sql/splices.ts'
import { typeOids } from '../../wire/type-oids.ts'
import type { ServerParts } from '../server-parts.ts'
import { expandSelect } from './show.ts'

/** Returns the types of the placeholders in the select: text for each, because only PostgreSQL knows the types. */
export function selectParameterTypes(select: string): number[] {
  const most = lex(select).reduce((n, { tag, text }) => (tag === 'param' ? Math.max(n, Number(text)) : n), 0)
  return Array.from({ length: most }, () => typeOids.text)
}

/** Returns the ids that the select finds. `what` names them in an error, such as "the ids of jobs". */
export async function selectIds(
  select: string,
  { session, parameters }: LocalCall,
  { context, what }: { readonly context: ServerParts; readonly what: string },
): Promise<string[]> {
  const expanded = await expandSelect(bindParameters(select, parameters), session.queryBackend, context)
  const rows = await session.queryBackend(`SELECT * FROM (${expanded}) AS asked`)
  if (rows.some((row) => row.length !== 1)) {
    throw new FeedError('FEED_SYNTAX', `the query must give one column, ${what}`)
  }
  return rows.flatMap(([id]) => id ?? [])
}

/** Writes values instead of placeholders. PostgreSQL gives a literal without a type the type that a placeholder would have. */
function bindParameters(select: string, parameters: readonly (string | null)[]): string {
  const splices = lex(select).flatMap(({ tag, text, start, end }) => {
    if (tag !== 'param') return []
    const bound = parameters[Number(text) - 1]
    if (bound === undefined) {
      throw new FeedError('FEED_SYNTAX', `no value provided for placeholder: $${text}`, { sqlstate: '42P02' })
    }
    return { start, end, text: bound === null ? 'NULL' : quoteString(bound) }
  })
  return splices.length === 0 ? select : applySplices(select, splices)
}
