// SQL: finds and parses our own statements in a query string, and translates CockroachDB's dialect into PostgreSQL's.
//
// In: the text of a Query or Parse message. Out: undefined if every statement goes to PostgreSQL as typed, otherwise pieces in
// order. Neighbouring statements for PostgreSQL stay one piece, so that they stay one implicit transaction. This room evaluates
// nothing and runs no query: where the catalogue is needed, the result is a function to call.

import { FeedError } from '../errors/feed-error.ts'
import type { CreateChangefeed, Statement, Value } from './ast.ts'
import { showSplices } from './bracketed-show.ts'
import { translate } from './dialect/dialect.ts'
import type { CatalogueQuery, FindSplices } from './dialect/table-facts.ts'
import { lex } from './lexer.ts'
import type { Token } from './tokens.ts'
import { Cursor } from './parse/cursor.ts'
import { parseOurs } from './parse/statement.ts'
import { applySplices, joinSplices, moveSplices, type Splice } from './splices.ts'
import { splitTokens } from './split.ts'

export type SqlPiece = Place &
  (
    | {
        readonly tag: 'forward'
        /** The text to send. */
        readonly sql: string
        /** The splices that make `sql` from the typed text; see `typedPosition`. */
        readonly splices: readonly Splice[]
      }
    | { readonly tag: 'ours'; readonly statement: Statement; readonly sql: string }
    | { readonly tag: 'error'; readonly error: Error; readonly sql: string }
    /** For PostgreSQL, in a translation that depends on the catalogue. `findSplices` returns the splices that make the text to send. */
    | {
        readonly tag: 'rewrite'
        readonly findSplices: FindSplices
        /** The translation also depends on the user and on the moment. */
        readonly dependsOnUser: boolean
        readonly sql: string
      }
  )

/** UTF-16 offsets into the whole query string: `[start, end)`. */
export interface Place {
  readonly start: number
  readonly end: number
}

export interface ReadSqlOptions {
  /** Whether to translate CockroachDB's dialect in statements for PostgreSQL. */
  readonly dialect: boolean
  /** Some session has types with names that the dialect uses, so that the catalogue must be asked for their meaning. */
  readonly askTypes?: boolean
  /** Returns the SELECT for a SHOW in `FROM [SHOW …]`; undefined if the SELECT depends on the role, which `showTo` knows. */
  readonly show: (statement: Statement) => string | undefined
  /** Makes the `show` for the role that runs `query`, for the SHOW statements in `text`. */
  readonly showTo?: ((query: CatalogueQuery, text: string) => Promise<(statement: Statement) => string>) | undefined
}

/** A cheap test: a text without any of these words has no statement of ours, and needs no parsing. Nearly all texts end here. */
export const triggers =
  /changefeed|controljob|viewjob|viewactivity|cancelquery|\bcluster\b|\bdatabase\b|\buse\b|\bshow\b|\bcancel\b|\bcreate\s+schedule\b|\bjobs?\b|\bdiscard\b|\breset\b|\bdeallocate\b|\bunwatch\b/i
const dialectTriggers =
  /upsert|\bstring|\bbytes|\bint\b|\binteger\b|\bserial\b|\btable\b|\bcopy\b|rowid|default_int_size/i

export function readSql(sql: string, options: ReadSqlOptions): readonly SqlPiece[] | undefined {
  if (!triggers.test(sql) && !(options.dialect && dialectTriggers.test(sql))) return undefined
  const read = splitTokens(lex(sql)).map(({ tokens }) => readStatement(sql, tokens, options))
  if (read.every((piece) => piece.tag === 'forward' && piece.splices.length === 0)) return undefined
  return joinForwards(sql, read)
}

type ReadPiece = Exclude<SqlPiece, { tag: 'forward' }> | Forward
interface Forward extends Place {
  readonly tag: 'forward'
  readonly splices: readonly Splice[]
}

/** Joins neighbouring pieces for PostgreSQL into one, together with the text between them. */
function joinForwards(sql: string, read: readonly ReadPiece[]): SqlPiece[] {
  const pieces: SqlPiece[] = []
  for (let i = 0; i < read.length; i++) {
    const piece = read[i] as ReadPiece
    if (piece.tag !== 'forward') {
      pieces.push(piece)
      continue
    }
    const { start } = piece
    let { end } = piece
    const splices = [...piece.splices]
    for (let next = read[i + 1]; next?.tag === 'forward'; next = read[++i + 1]) {
      for (const splice of next.splices) splices.push(splice)
      end = next.end
    }
    pieces.push({ tag: 'forward', sql: applySplices(sql, splices, start, end), splices, start, end })
  }
  return pieces
}

function readStatement(whole: string, tokens: readonly Token[], options: ReadSqlOptions): ReadPiece {
  const { dialect, show, showTo, askTypes } = options
  const start = tokens[0]?.start ?? 0
  const end = tokens.at(-1)?.end ?? start
  const place = { start, end, sql: whole.slice(start, end) }
  try {
    // Positions in errors count from the start of the whole text, as PostgreSQL's do.
    const statement = parseOurs(new Cursor(whole, tokens), dialect)
    if (statement !== undefined) return { tag: 'ours', statement, ...place }
    let dependsOnUser = false
    const showOne = (shown: Statement): string => {
      const text = show(shown)
      dependsOnUser ||= text === undefined
      return text ?? ''
    }
    const shows = showSplices(whole, tokens, { dialect, show: showOne })
    if (dependsOnUser && showTo !== undefined) {
      const findSplices = async (query: CatalogueQuery): Promise<readonly Splice[]> => {
        const theirs = showSplices(whole, tokens, { dialect, show: await showTo(query, place.sql) })
        if (!dialect) return theirs
        const translated = translateShown(whole, tokens, { shows: theirs, askTypes })
        return translated.findSplices?.(query) ?? translated.splices
      }
      return { tag: 'rewrite', findSplices, dependsOnUser: true, ...place }
    }
    if (!dialect) return { tag: 'forward', splices: shows, start, end }
    const { splices, findSplices } = translateShown(whole, tokens, { shows, askTypes })
    if (findSplices === undefined) return { tag: 'forward', splices, start, end }
    return { tag: 'rewrite', findSplices, dependsOnUser: false, ...place }
  } catch (error) {
    return { tag: 'error', error: error as Error, ...place }
  }
}

interface Translated {
  readonly splices: readonly Splice[]
  readonly findSplices: FindSplices | undefined
}

interface ShownOptions {
  readonly shows: readonly Splice[]
  readonly askTypes?: boolean | undefined
}

/** Translates the dialect in one statement, whose SHOWs have been replaced already. */
function translateShown(
  whole: string,
  tokens: readonly Token[],
  { shows, askTypes = false }: ShownOptions,
): Translated {
  const start = tokens[0]?.start ?? 0
  const sql = applySplices(whole, shows, start, tokens.at(-1)?.end ?? start)
  const own = shows.length > 0 ? lex(sql) : start === 0 ? tokens : tokens.map((token) => moved(token, start))
  const { splices, findSplices } = translate(sql, own, { askTypes })
  const join = (more: readonly Splice[]): readonly Splice[] =>
    shows.length === 0 ? moveSplices(more, start) : moveSplices(joinSplices(moveSplices(shows, -start), more), start)
  return {
    splices: join(splices),
    findSplices: findSplices === undefined ? undefined : async (query) => join(await findSplices(query)),
  }
}

function moved(token: Token, by: number): Token {
  return { ...token, start: token.start - by, end: token.end - by }
}

/** Returns the highest `$n` of a statement. */
export function countPlaceholders({ sink, options }: CreateChangefeed): number {
  const values: (Value | undefined)[] = [sink, ...options.map(({ value }) => value)]
  return values.reduce((most, value) => (value?.tag === 'placeholder' ? Math.max(most, value.index) : most), 0)
}

/** Replaces every `[SHOW …]` in a SELECT and, with `dialect`, CockroachDB's types. */
export function expandShows(sql: string, show: (statement: Statement) => string, dialect = false): string {
  const tokens = lex(sql)
  try {
    const shows = showSplices(sql, tokens, { dialect, show })
    return applySplices(sql, dialect ? translateShown(sql, tokens, { shows }).splices : shows)
  } catch (error) {
    // The SELECT is a part of the typed text, so its positions would be wrong.
    if (!(error instanceof FeedError)) throw error
    throw new FeedError(error.code, error.message, { ...error, position: undefined })
  }
}
