// Splits a text into tokens by PostgreSQL's lexical rules. Comments and blanks are between the tokens.
//
//   word      name or keyword, folded to lower case        quoted   "name", U&"name"
//   string    '…', E'…', U&'…', B'…', X'…', $tag$…$tag$    number   1, 1.5e3, 0x1F, 30s (with the letters after it)
//   param     $1                                            op       an operator, bracket, comma, semicolon, dot
//
// If a text ends inside a string or comment, the rest is one last token, and PostgreSQL will report the error.

import { skipBlank } from './blank.ts'
import { readDollarString, readQuoted, readString, type StringForm } from './string-literals.ts'
import type { Token } from './tokens.ts'

const wordStart = /[A-Za-z_\u0080-\uffff]/
const wordRest = /[\w$\u0080-\uffff]*/y
const numberForm = /0[xXoObB]\w+|(?:\d[\d_]*\.(?!\.)\w*|\d\w*|\.\d\w*)(?:(?<=[eE])[+-]\d\w*)?/y
const operatorForm = /[~!@#^&|`?+\-*/%<>=]+/y

export function lex(sql: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  for (;;) {
    at = skipBlank(sql, at)
    if (at >= sql.length) return tokens
    const token = readToken(sql, at)
    tokens.push(token)
    at = token.end
  }
}

function readToken(sql: string, start: number): Token {
  const char = sql[start] as string
  const next = sql[start + 1]
  if (char === '"') return readQuoted(sql, start, start)
  if (char === "'") return readString(sql, start, start, 'plain')
  if (next === "'" && 'eEbBxX'.includes(char)) {
    const form: StringForm = char === 'e' || char === 'E' ? 'escaped' : 'digits'
    return readString(sql, start, start + 1, form)
  }
  if ((char === 'u' || char === 'U') && next === '&') {
    if (sql[start + 2] === "'") return readString(sql, start, start + 2, 'unicode')
    if (sql[start + 2] === '"') return readQuoted(sql, start, start + 2)
  }
  if (char === '$') {
    if (isDigit(next)) {
      let end = start + 1
      while (isDigit(sql[end])) end += 1
      return { tag: 'param', text: sql.slice(start + 1, end), start, end }
    }
    const string = readDollarString(sql, start)
    if (string !== undefined) return string
  }
  if (wordStart.test(char)) {
    const end = start + 1 + (matchAt(wordRest, sql, start + 1) ?? '').length
    return { tag: 'word', text: foldCase(sql.slice(start, end)), start, end }
  }
  if (char === '.' && next === '.') return { tag: 'op', text: '..', start, end: start + 2 }
  const number = matchAt(numberForm, sql, start)
  if (number !== undefined) return { tag: 'number', text: number, start, end: start + number.length }
  // A comment that begins here has no end; otherwise it would have been skipped.
  if (char === '/' && next === '*') return { tag: 'op', text: sql.slice(start), start, end: sql.length }
  const operator = matchAt(operatorForm, sql, start)
  const end = start + (operator === undefined ? 1 : operatorLength(operator))
  return { tag: 'op', text: sql.slice(start, end), start, end }
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= '0' && char <= '9'
}

/**
 * Returns the length of an operator. A comment ends it. A sign at its end belongs to the next token (`a=-1`), unless the
 * operator contains one of the unusual characters.
 */
function operatorLength(operator: string): number {
  const comments = [operator.indexOf('--'), operator.indexOf('/*')].filter((index) => index > 0)
  let length = Math.min(operator.length, ...comments)
  if (/[~!@#%^&|`?]/.test(operator.slice(0, length))) return length
  while (length > 1 && (operator[length - 1] === '+' || operator[length - 1] === '-')) length -= 1
  return length
}

function matchAt(pattern: RegExp, sql: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(sql)?.[0]
}

/** Folds a name to lower case as PostgreSQL does in a UTF-8 database: only ASCII letters change. */
function foldCase(text: string): string {
  return text.replace(/[A-Z]+/g, (upper) => upper.toLowerCase())
}
