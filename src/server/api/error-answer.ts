// Errors as the API answers them: those of the server, and those that PostgreSQL or a statement of ours has answered at the SQL port.

import pg from 'pg'
import { FeedError } from '../../errors/feed-error.ts'
import type { ErrorAnswer } from './answers.ts'

export function errorAnswer(error: unknown): ErrorAnswer {
  if (error instanceof FeedError) {
    const { message, hint, detail, sqlstate, position } = error
    return { error: message, hint, detail, sqlstate, position }
  }
  if (error instanceof pg.DatabaseError) {
    const { message, hint, detail, code, position } = error
    return {
      error: message,
      hint,
      detail,
      sqlstate: code,
      position: position === undefined ? undefined : Number(position),
    }
  }
  return { error: error instanceof Error ? error.message : String(error) }
}

const statuses: readonly (readonly [sqlstates: RegExp, status: number])[] = [
  [/^42501$/, 403],
  [/^28/, 401],
  [/^42704$/, 404],
  [/^54000$/, 413],
  [/^(?:22|42|0A)/, 400],
  [/^(?:08|53|57)/, 503],
  [/^55/, 409],
]

/** The status of HTTP that fits to an error. */
export function statusOf(error: unknown): number {
  const { sqlstate } = errorAnswer(error)
  if (sqlstate === undefined) return 500
  return statuses.find(([pattern]) => pattern.test(sqlstate))?.[1] ?? 400
}
