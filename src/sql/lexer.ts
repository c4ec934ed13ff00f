// PostgreSQL's lexical rules: what a text consists of, not what it means. Comments and blanks are between the tokens.
//
//   word      name or keyword, folded to lower case        quoted   "name", U&"name"
//   string    '…', E'…', U&'…', B'…', X'…', $tag$…$tag$    number   1, 1.5e3, 0x1F, 30s (letters behind stay with it)
//   param     $1                                            op       an operator, bracket, comma, semicolon, dot
//
// A text that ends inside a string or comment gives one last token of what is there: PostgreSQL will complain about it.

export type TokenTag = 'word' | 'quoted' | 'string' | 'number' | 'param' | 'op'

export interface Token {
  readonly tag: TokenTag
  /** The value: folded, unquoted, unescaped. */
  readonly text: string
  /** Character offsets into the text: `[start, end)`. */
  readonly start: number
  readonly end: number
}

const wordStart = /[A-Za-z_\u0080-\uffff]/
const wordRest = /[\w$\u0080-\uffff]*/y
const numberForm = /(?:\d[\w.]*(?:(?<=[eE])[+-]\d+)?|\.\d[\w]*(?:(?<=[eE])[+-]\d+)?)/y
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y
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

/** Behind blanks and comments (`--` to the end of the line, nested block comments). */
function skipBlank(sql: string, from: number): number {
  let at = from
  for (;;) {
    const char = sql[at]
    if (char === undefined) return at
    if (char <= ' ') at += 1
    else if (char === '-' && sql[at + 1] === '-') {
      const line = sql.indexOf('\n', at)
      at = line < 0 ? sql.length : line + 1
    } else if (char === '/' && sql[at + 1] === '*') at = blockEnd(sql, at)
    else return at
  }
}

function blockEnd(sql: string, from: number): number {
  let depth = 0
  for (let at = from; at < sql.length; at++) {
    if (sql[at] === '/' && sql[at + 1] === '*') {
      depth += 1
      at += 1
    } else if (sql[at] === '*' && sql[at + 1] === '/') {
      depth -= 1
      at += 1
      if (depth === 0) return at + 1
    }
  }
  return sql.length
}

function readToken(sql: string, start: number): Token {
  const char = sql[start] as string
  if (char === "'") return readString(sql, start, start, false)
  if (char === '"') return readQuoted(sql, start, start)
  const next = sql[start + 1]
  if (next === "'" && 'eEbBxXnN'.includes(char)) return readString(sql, start, start + 1, char === 'e' || char === 'E')
  if ((char === 'u' || char === 'U') && next === '&' && sql[start + 2] === "'")
    return readString(sql, start, start + 2, false)
  if ((char === 'u' || char === 'U') && next === '&' && sql[start + 2] === '"') return readQuoted(sql, start, start + 2)
  if (char === '$') {
    if (next !== undefined && next >= '0' && next <= '9') {
      let end = start + 1
      while (end < sql.length && (sql[end] as string) >= '0' && (sql[end] as string) <= '9') end += 1
      return { tag: 'param', text: sql.slice(start + 1, end), start, end }
    }
    const tag = matchAt(dollarTag, sql, start)
    if (tag !== undefined) {
      const close = sql.indexOf(tag, start + tag.length)
      const end = close < 0 ? sql.length : close + tag.length
      return { tag: 'string', text: sql.slice(start + tag.length, close < 0 ? end : close), start, end }
    }
  }
  if (wordStart.test(char)) {
    const end = start + 1 + (matchAt(wordRest, sql, start + 1) ?? '').length
    return { tag: 'word', text: foldCase(sql.slice(start, end)), start, end }
  }
  const number = matchAt(numberForm, sql, start)
  if (number !== undefined) return { tag: 'number', text: number, start, end: start + number.length }
  const operator = matchAt(operatorForm, sql, start)
  const end = operator === undefined ? start + 1 : operatorEnd(operator, start)
  return { tag: 'op', text: sql.slice(start, end), start, end }
}

/** A comment ends an operator. */
function operatorEnd(operator: string, start: number): number {
  const comments = [operator.indexOf('--'), operator.indexOf('/*')].filter((index) => index > 0)
  return start + Math.min(operator.length, ...comments)
}

function readString(sql: string, start: number, open: number, escapes: boolean): Token {
  let text = ''
  let at = open + 1
  for (; at < sql.length; at++) {
    const char = sql[at] as string
    if (char === "'") {
      if (sql[at + 1] !== "'") return { tag: 'string', text, start, end: at + 1 }
      at += 1
      text += "'"
    } else if (char === '\\' && escapes && at + 1 < sql.length) {
      const read = readEscape(sql, at + 1)
      text += read.text
      at = read.end - 1
    } else text += char
  }
  return { tag: 'string', text, start, end: sql.length }
}

const letters: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

function readEscape(sql: string, at: number): { readonly text: string; readonly end: number } {
  const char = sql[at] as string
  const coded = /^(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(sql.slice(at, at + 9))
  if (coded === null) return { text: letters[char] ?? char, end: at + 1 }
  const [all, hex, octal, short, long] = coded
  const code = octal === undefined ? Number.parseInt(hex ?? short ?? long ?? '0', 16) : Number.parseInt(octal, 8)
  return { text: code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd', end: at + all.length }
}

function readQuoted(sql: string, start: number, open: number): Token {
  let at = open + 1
  for (;;) {
    const close = sql.indexOf('"', at)
    if (close < 0) return { tag: 'quoted', text: sql.slice(open + 1).replaceAll('""', '"'), start, end: sql.length }
    if (sql[close + 1] !== '"') {
      return { tag: 'quoted', text: sql.slice(open + 1, close).replaceAll('""', '"'), start, end: close + 1 }
    }
    at = close + 2
  }
}

function matchAt(pattern: RegExp, sql: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(sql)?.[0]
}

/** As PostgreSQL folds names in a UTF-8 database: ASCII only. */
function foldCase(text: string): string {
  return text.replace(/[A-Z]+/g, (upper) => upper.toLowerCase())
}
