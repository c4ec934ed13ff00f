// Shows a statement of ours to others: sink URIs without user and secrets, secret options without their value.

import { shownString } from '../../core/quote.ts'
import { secretOptions } from '../../plan/job-description.ts'
import { showSinkUri } from '../../sink/sink-uri.ts'
import { lex } from '../../sql/lexer.ts'
import { isOp, isWord, type Token } from '../../sql/tokens.ts'
import { applySplices } from '../../sql/splices.ts'

export function shownStatement(sql: string): string {
  const tokens = lex(sql)
  const splices = tokens.flatMap((token, i) => {
    const text = token.tag === 'string' ? shown(token.text, tokens[i - 2], tokens[i - 1]) : token.text
    return text === token.text ? [] : { start: token.start, end: token.end, text: shownString(text) }
  })
  return applySplices(sql, splices)
}

/** The tokens before a string say whether the string is a secret; a URI may contain secrets anywhere in a statement. */
function shown(text: string, second: Token | undefined, first: Token | undefined): string {
  if (isOp(first, '=') && second !== undefined && secretOptions.has(second.text.toLowerCase())) return 'redacted'
  return isWord(first, 'into') || text.includes('://') ? showSinkUri(text) : text
}
