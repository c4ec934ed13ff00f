// Which statements a text holds, and what of it is still to come: the shell runs what a semicolon ends.

import { lex } from '../../sql/lexer.ts'
import { splitTokens } from '../../sql/split.ts'

export interface Cut {
  readonly statements: readonly string[]
  /** Not ended by a semicolon yet; empty when only blanks and comments are left. */
  readonly rest: string
}

export function cutStatements(text: string): Cut {
  const statements: string[] = []
  let rest = ''
  for (const { tokens, terminated } of splitTokens(lex(text))) {
    const sql = text.slice(tokens[0]?.start ?? 0, tokens.at(-1)?.end ?? 0)
    if (terminated && !isOpen(tokens.at(-1)?.tag, sql)) statements.push(sql)
    else rest = text.slice(tokens[0]?.start ?? 0)
  }
  return { statements, rest }
}

/** A string that goes on ends no statement; the lexer gives it as one last token. */
function isOpen(tag: string | undefined, sql: string): boolean {
  return tag === 'string' && !/['$]$/.test(sql)
}
