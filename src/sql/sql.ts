// SQL: which statements of a query string are ours, what they say, and how CockroachDB's dialect reads in PostgreSQL's.
//
// In: the text of a Query or Parse message. Out: nothing, when every statement goes to PostgreSQL as typed; otherwise
// pieces in order. Neighbouring statements that are PostgreSQL's stay one piece, so that they stay one implicit
// transaction. It evaluates nothing and asks nobody: what needs the catalogue comes out as a function to call.

import type { CreateChangefeed, Statement, Value } from './ast.ts'
import { spliceShows } from './bracketed-show.ts'
import { translate } from './dialect/dialect.ts'
import type { Rewrite } from './dialect/rewrite.ts'
import { lex, type Token } from './lexer.ts'
import { Cursor } from './parse/cursor.ts'
import { parseOurs } from './parse/statement.ts'
import { splitTokens, type StatementTokens } from './split.ts'

export type SqlPiece =
  | { readonly tag: 'forward'; readonly sql: string }
  | { readonly tag: 'ours'; readonly statement: Statement; readonly sql: string }
  | { readonly tag: 'error'; readonly error: Error; readonly sql: string }
  /** PostgreSQL's, in words that depend on the catalogue. */
  | { readonly tag: 'rewrite'; readonly rewrite: Rewrite; readonly sql: string }

export interface ReadSqlOptions {
  /** Whether to accept CockroachDB's words in ordinary statements. */
  readonly dialect: boolean
  /** The SELECT that answers a SHOW; for `FROM [SHOW …]`. */
  readonly show: (statement: Statement) => string
}

/** A cheap no for nearly everything: none of these words, nothing to do. */
const triggers = /changefeed|cluster|quer(?:y|ies)|statements|database|\buse\b|\[\s*show|\bjobs?\b|\bshow\s+tables/i
const dialectTriggers = /upsert|\bstring|\bbytes|\bint\b|\binteger\b|\bserial\b|\btable\b|\bcopy\b/i

export function readSql(sql: string, options: ReadSqlOptions): readonly SqlPiece[] | undefined {
  if (!triggers.test(sql) && !(options.dialect && dialectTriggers.test(sql))) return undefined
  const statements = splitTokens(lex(sql))
  const pieces: SqlPiece[] = []
  let isSame = true
  for (const statement of statements) {
    const piece = readStatement(sql, statement, options)
    const last = pieces.at(-1)
    if (piece.tag !== 'forward' || piece.changed) isSame = false
    if (piece.tag === 'forward' && last?.tag === 'forward')
      pieces[pieces.length - 1] = { tag: 'forward', sql: `${last.sql};${piece.sql}` }
    else pieces.push(piece.tag === 'forward' ? { tag: 'forward', sql: piece.sql } : piece)
  }
  return isSame ? undefined : pieces
}

type ReadPiece =
  | Exclude<SqlPiece, { tag: 'forward' }>
  | { readonly tag: 'forward'; readonly sql: string; readonly changed: boolean }

function readStatement(whole: string, { tokens }: StatementTokens, { dialect, show }: ReadSqlOptions): ReadPiece {
  const start = tokens[0]?.start ?? 0
  const sql = whole.slice(start, tokens.at(-1)?.end ?? start)
  try {
    // Positions in errors count from the start of the whole text, as PostgreSQL's do.
    const statement = parseOurs(new Cursor(whole, tokens))
    if (statement !== undefined) return { tag: 'ours', statement, sql }
    const own = start === 0 ? tokens : tokens.map((token) => moved(token, start))
    const shown = spliceShows(sql, own, show)
    if (shown !== undefined) return { tag: 'forward', sql: shown, changed: true }
    if (!dialect) return { tag: 'forward', sql, changed: false }
    const translated = translate(sql, own)
    if (translated.tag === 'rewrite') return { tag: 'rewrite', rewrite: translated.rewrite, sql }
    return {
      tag: 'forward',
      sql: translated.tag === 'same' ? sql : translated.sql,
      changed: translated.tag === 'changed',
    }
  } catch (error) {
    return { tag: 'error', error: error as Error, sql }
  }
}

function moved(token: Token, by: number): Token {
  return { ...token, start: token.start - by, end: token.end - by }
}

/** The highest `$n` of a statement. */
export function countPlaceholders({ sink, options }: CreateChangefeed): number {
  const values: (Value | undefined)[] = [sink, ...options.map(({ value }) => value)]
  return values.reduce((most, value) => (value?.tag === 'placeholder' ? Math.max(most, value.index) : most), 0)
}

/** A SELECT with every `[SHOW …]` in it replaced. */
export function expandShows(sql: string, show: (statement: Statement) => string): string {
  return spliceShows(sql, lex(sql), show) ?? sql
}
