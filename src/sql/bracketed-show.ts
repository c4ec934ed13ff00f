// Replaces `[SHOW …]` in `SELECT … FROM [SHOW …]` by a sub-select, and SHOW in `WITH x AS (SHOW …)` by a SELECT. Subscripts and
// array literals have brackets, too, but never between FROM, JOIN or a comma and SHOW.

import { reservedWords } from '../core/reserved-words.ts'
import type { Statement } from './ast.ts'
import { closingBracket, isOp, isWord, type Token } from './tokens.ts'
import { Cursor } from './parse/cursor.ts'
import { parseOurs } from './parse/statement.ts'
import type { Splice } from './splices.ts'

export interface BracketedShows {
  /** Whether SHOW statements of CockroachDB's dialect are ours, too. */
  readonly dialect: boolean
  readonly show: (statement: Statement) => string
}

/** `tokens` are those of one statement in `sql`. */
export function showSplices(sql: string, tokens: readonly Token[], { dialect, show }: BracketedShows): Splice[] {
  const splices: Splice[] = []
  for (let i = 0; i < tokens.length; i++) {
    if (!isWord(tokens[i + 1], 'show') || !holdsShow(tokens, i)) continue
    const close = closingBracket(tokens, i)
    if (close === undefined) continue
    const statement = parseOurs(new Cursor(sql, tokens.slice(i + 1, close)), dialect)
    if (statement === undefined) continue
    const { start } = tokens[i] as Token
    const alias = needsAlias(tokens, i, close) ? ` AS "show ${splices.length + 1}"` : ''
    splices.push({ start, end: (tokens[close] as Token).end, text: `(${show(statement)})${alias}` })
    // A SHOW inside of this one is replaced when this one is expanded.
    i = close
  }
  return splices
}

/** Words that are no alias without AS, beside those that PostgreSQL reserves. */
const noAliases: ReadonlySet<string> = new Set(
  `authorization binary collation concurrently cross current_schema freeze full ilike inner is isnull join left like natural
  notnull outer overlaps right similar tablesample verbose`.split(/\s+/),
)

/** Before version 16, PostgreSQL wants an alias for every sub-select in FROM. */
function needsAlias(tokens: readonly Token[], open: number, close: number): boolean {
  if (!isOp(tokens[open], '[')) return false
  const next = tokens[close + 1]
  if (isWord(next, 'as') || next?.tag === 'quoted') return false
  return next?.tag !== 'word' || reservedWords.has(next.text) || noAliases.has(next.text)
}

function holdsShow(tokens: readonly Token[], at: number): boolean {
  const token = tokens[at]
  const before = tokens[at - 1]
  if (isOp(token, '[')) return isWord(before, 'from') || isWord(before, 'join') || isOp(before, ',')
  return isOp(token, '(') && (isWord(before, 'as') || isWord(before, 'materialized'))
}
