// Shows a statement of ours to others: sink URIs without user and secrets, secret options without their value.

import { shownString } from '../../core/quote.ts'
import { shownOption } from '../../plan/job-description.ts'
import { showSinkUri } from '../../sink/sink-uri.ts'
import { lex } from '../../sql/lexer.ts'
import { isOp, isWord, type Token } from '../../sql/tokens.ts'
import { applySplices, type Splice } from '../../sql/splices.ts'

/** In a comment they may belong to a secret. */
const telling = /[:=@?]/

export function shownStatement(sql: string): string {
  const tokens = lex(sql)
  // Only what follows WITH is an option of ours: `WHERE status = 'running'` is none.
  const options = tokens.findIndex((token) => isWord(token, 'with'))
  const isOurs = tokens.some((token) => isWord(token, 'changefeed'))
  const splices = tokens.flatMap((token, i): Splice[] => {
    const own = isOurs && options >= 0 && i > options
    const text =
      token.tag === 'string' ? shown(token.text, { second: tokens[i - 2], first: tokens[i - 1], own }) : token.text
    if (text !== token.text) return [{ start: token.start, end: token.end, text: shownString(text) }]
    // The lexer takes the rest for one token where a comment has no end.
    if (token.tag === 'op' && text.startsWith('/*')) return withoutComment(sql, token)
    return []
  })
  return applySplices(sql, [...splices, ...gaps(sql, tokens).flatMap((gap) => withoutComment(sql, gap))])
}

interface Place {
  readonly start: number
  readonly end: number
}

/** What is between the tokens: blanks and comments. */
function gaps(sql: string, tokens: readonly Token[]): readonly Place[] {
  const ends = [0, ...tokens.map(({ end }) => end)]
  const starts = [...tokens.map(({ start }) => start), sql.length]
  return ends.flatMap((start, i) => ((starts[i] ?? 0) > start ? [{ start, end: starts[i] ?? start }] : []))
}

/** The lines stay, because a caret below the statement counts them. */
function withoutComment(sql: string, { start, end }: Place): Splice[] {
  const text = sql.slice(start, end)
  return telling.test(text) ? [{ start, end, text: ` ${text.replace(/[^\n]/g, '')}` }] : []
}

interface Around {
  readonly second: Token | undefined
  readonly first: Token | undefined
  /** It may be the value of an option. */
  readonly own: boolean
}

/** The tokens before a string say whether the string is a secret; a URI may contain secrets anywhere in a statement. */
function shown(text: string, { second, first, own }: Around): string {
  if (isWord(first, 'into')) return showSinkUri(text)
  if (own && isOp(first, '=') && second !== undefined) return shownOption(second.text.toLowerCase(), text)
  return text.includes('://') ? showSinkUri(text) : text
}
