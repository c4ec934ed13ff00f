// For tests: one statement, parsed, or the error it gives.

import { FeedError } from '../../src/errors/feed-error.ts'
import type { Statement } from '../../src/sql/ast.ts'
import { lex } from '../../src/sql/lexer.ts'
import { Cursor } from '../../src/sql/parse/cursor.ts'
import { parseOurs } from '../../src/sql/parse/statement.ts'

export function parseOne(sql: string): Statement | undefined {
  return parseOurs(new Cursor(sql, lex(sql)), true)
}

export interface ParseFailure {
  readonly sqlstate: string
  readonly message: string
  /** The text from the error's position on. */
  readonly at: string | undefined
  readonly hint: string | undefined
}

export function failureOf(sql: string): ParseFailure {
  try {
    parseOne(sql)
  } catch (error) {
    if (!(error instanceof FeedError)) throw error
    const { sqlstate, message, position, hint } = error
    const at =
      position === undefined
        ? undefined
        : Array.from(sql)
            .slice(position - 1)
            .join('')
    return { sqlstate, message, at, hint }
  }
  throw new Error(`no error: ${sql}`)
}
