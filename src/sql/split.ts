// Cuts the tokens of a query string into statements at its semicolons, except those inside a BEGIN ATOMIC … END body of
// a function or procedure.

import type { Token } from './lexer.ts'

export interface StatementTokens {
  readonly tokens: readonly Token[]
  /** A semicolon follows. */
  readonly terminated: boolean
}

export function splitTokens(tokens: readonly Token[]): StatementTokens[] {
  const statements: StatementTokens[] = []
  let current: Token[] = []
  let depth = 0
  for (const token of tokens) {
    if (token.tag === 'op' && token.text === ';' && depth === 0) {
      if (current.length > 0) statements.push({ tokens: current, terminated: true })
      current = []
      continue
    }
    if (token.tag === 'word') {
      const isBody = token.text === 'atomic' && isWord(current.at(-1), 'begin') && isWord(current[0], 'create')
      if (isBody || (depth > 0 && token.text === 'case')) depth += 1
      else if (depth > 0 && token.text === 'end') depth -= 1
    }
    current.push(token)
  }
  if (current.length > 0) statements.push({ tokens: current, terminated: false })
  return statements
}

export function isWord(token: Token | undefined, text: string): boolean {
  return token?.tag === 'word' && token.text === text
}

export function isOp(token: Token | undefined, text: string): boolean {
  return token?.tag === 'op' && token.text === text
}
