// `SELECT … FROM [SHOW …]`: the bracket becomes a sub-select. Subscripts and array literals have brackets too, but never
// behind FROM, JOIN or a comma and before SHOW. `WITH x AS (SHOW …) SELECT …`: what the brackets hold becomes a SELECT.

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
    if (!isWord(tokens[i + 1], 'show')) continue
    const isSource = isOp(token, '[') && (isWord(before, 'from') || isWord(before, 'join') || isOp(before, ','))
    const isCommonTable = isOp(token, '(') && (isWord(before, 'as') || isWord(before, 'materialized'))
    if (!isSource && !isCommonTable) continue
    const close = closing(tokens, i)
    if (close === undefined) continue
    const statement = parseOurs(new Cursor(sql, tokens.slice(i + 1, close)))
    if (statement === undefined) continue
    splices.push({ start: token.start, end: (tokens[close] as Token).end, text: `(${show(statement)})` })
  }
  return splices.length === 0 ? undefined : applySplices(sql, splices)
}

/** The bracket that closes the one at `open`. */
function closing(tokens: readonly Token[], open: number): number | undefined {
  let depth = 0
  for (let i = open; i < tokens.length; i++) {
    const token = tokens[i]
    if (isOp(token, '(') || isOp(token, '[')) depth += 1
    else if (isOp(token, ')') || isOp(token, ']')) depth -= 1
    if (depth === 0) return i
  }
  return undefined
}
