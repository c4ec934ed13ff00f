// `SELECT … FROM [SHOW …]`: the bracket becomes a sub-select. Subscripts and array literals have brackets too, but never
// behind FROM, JOIN or a comma and before SHOW.

import type { Statement } from './ast.ts'
import { applySplices, type Splice } from './dialect/splices.ts'
import type { Token } from './lexer.ts'
import { Cursor } from './parse/cursor.ts'
import { parseOurs } from './parse/statement.ts'
import { isOp, isWord } from './split.ts'

/** Undefined: there is none. */
export function spliceShows(
  sql: string,
  tokens: readonly Token[],
  show: (statement: Statement) => string,
): string | undefined {
  const splices: Splice[] = []
  for (const [i, token] of tokens.entries()) {
    const before = tokens[i - 1]
    if (!isOp(token, '[') || !isWord(tokens[i + 1], 'show')) continue
    if (!isWord(before, 'from') && !isWord(before, 'join') && !isOp(before, ',')) continue
    const close = tokens.findIndex((candidate, j) => j > i && isOp(candidate, ']'))
    if (close < 0) continue
    const statement = parseOurs(new Cursor(sql, tokens.slice(i + 1, close)))
    if (statement === undefined) continue
    splices.push({ start: token.start, end: (tokens[close] as Token).end, text: `(${show(statement)})` })
  }
  return splices.length === 0 ? undefined : applySplices(sql, splices)
}
