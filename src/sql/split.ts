// Divides the tokens of a query string into statements at the semicolons, except at those inside brackets (the actions of
// a rule) and inside the BEGIN ATOMIC … END body of a function or procedure.

import { isOp, isWord, type Token } from './tokens.ts'

export interface StatementTokens {
  readonly tokens: readonly Token[]
  /** Whether a semicolon follows. */
  readonly terminated: boolean
}

export function splitTokens(tokens: readonly Token[]): StatementTokens[] {
  const statements: StatementTokens[] = []
  let current: Token[] = []
  let brackets = 0
  let bodies = 0
  for (const token of tokens) {
    if (brackets === 0 && bodies === 0 && isOp(token, ';')) {
      if (current.length > 0) statements.push({ tokens: current, terminated: true })
      current = []
      continue
    }
    if (isOp(token, '(')) brackets += 1
    else if (isOp(token, ')')) brackets = Math.max(0, brackets - 1)
    else if (token.tag === 'word') {
      const isBody = token.text === 'atomic' && isWord(current.at(-1), 'begin') && isWord(current[0], 'create')
      if (isBody || (bodies > 0 && token.text === 'case')) bodies += 1
      else if (bodies > 0 && token.text === 'end') bodies -= 1
    }
    current.push(token)
  }
  if (current.length > 0) statements.push({ tokens: current, terminated: false })
  return statements
}
