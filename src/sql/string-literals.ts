// Strings and quoted names.
//
//   '…'                   '' is a quote           B'…' X'…' $tag$…$tag$   as they stand
//   E'…'                  also \n \t …, \ooo and \xhh (bytes of UTF-8), \uXXXX, \UXXXXXXXX
//   U&'…'  U&"…"          \XXXX, \+XXXXXX, \\; another character than \ by a following UESCAPE '!'
//
// A string continues at the next quote if there are only blanks with a line end (and line comments) in between. Escapes that
// PostgreSQL will refuse stay as written.

import { skipBlank } from './blank.ts'
import type { Token } from './tokens.ts'

export type StringForm = 'plain' | 'escaped' | 'unicode' | 'digits'

const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y
const byteEscapes = String.raw`(?:\\(?:x[0-9a-fA-F]{1,2}|[0-7]{1,3}))+`
const escape = new RegExp(String.raw`''|(${byteEscapes})|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\([^])`, 'g')
const letters: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/** `start` is the offset of the prefix, `open` that of the quote. */
export function readString(sql: string, start: number, open: number, form: StringForm): Token {
  let body = ''
  let from = open + 1
  for (;;) {
    const close = closeOfString(sql, from, form)
    body += sql.slice(from, close)
    const next = close === undefined ? undefined : continuation(sql, close + 1)
    if (next !== undefined) from = next + 1
    else if (form === 'unicode') return unicodeToken(sql, 'string', body.replaceAll("''", "'"), start, close)
    else {
      const text = form === 'escaped' ? unescape(body) : body.replaceAll("''", "'")
      return { tag: 'string', text, start, end: close === undefined ? sql.length : close + 1 }
    }
  }
}

/** Reads "name" or, if `start` is before `open`, U&"name". */
export function readQuoted(sql: string, start: number, open: number): Token {
  const close = closeOf(sql, '"', open + 1)
  const text = sql.slice(open + 1, close).replaceAll('""', '"')
  if (start < open) return unicodeToken(sql, 'quoted', text, start, close)
  return { tag: 'quoted', text, start, end: close === undefined ? sql.length : close + 1 }
}

/** Returns undefined if the dollar sign does not begin a string. */
export function readDollarString(sql: string, start: number): Token | undefined {
  dollarTag.lastIndex = start
  const tag = dollarTag.exec(sql)?.[0]
  if (tag === undefined) return undefined
  const close = sql.indexOf(tag, start + tag.length)
  const text = sql.slice(start + tag.length, close < 0 ? undefined : close)
  return { tag: 'string', text, start, end: close < 0 ? sql.length : close + tag.length }
}

/** Returns undefined if the string has no end. */
function closeOfString(sql: string, from: number, form: StringForm): number | undefined {
  if (form === 'escaped') return closeOfEscaped(sql, from)
  if (form !== 'digits') return closeOf(sql, "'", from)
  const close = sql.indexOf("'", from)
  return close < 0 ? undefined : close
}

function closeOf(sql: string, quote: string, from: number): number | undefined {
  for (let at = from; ;) {
    const close = sql.indexOf(quote, at)
    if (close < 0) return undefined
    if (sql[close + 1] !== quote) return close
    at = close + 2
  }
}

function closeOfEscaped(sql: string, from: number): number | undefined {
  for (let at = from; at < sql.length; at++) {
    if (sql[at] === '\\') at += 1
    else if (sql[at] === "'") {
      if (sql[at + 1] !== "'") return at
      at += 1
    }
  }
  return undefined
}

/** Returns the offset of the quote at which the string continues. */
function continuation(sql: string, from: number): number | undefined {
  let hasLineEnd = false
  for (let at = from; ; at++) {
    const char = sql[at]
    if (char === "'") return hasLineEnd ? at : undefined
    if (char === '\n' || char === '\r') hasLineEnd = true
    else if (char === '-' && sql[at + 1] === '-') {
      while (at + 1 < sql.length && sql[at + 1] !== '\n' && sql[at + 1] !== '\r') at += 1
    } else if (char !== ' ' && char !== '\t' && char !== '\f' && char !== '\v') return undefined
  }
}

function unescape(body: string): string {
  return body.replace(escape, (all: string, bytes?: string, short?: string, long?: string, other?: string) => {
    if (bytes !== undefined) return unescapeBytes(bytes)
    if (other !== undefined) return letters[other] ?? other
    return all === "''" ? "'" : codePoint(short ?? long ?? '', all)
  })
}

function unescapeBytes(escapes: string): string {
  const codes = escapes.slice(1).split('\\')
  return Buffer.from(
    codes.map((code) => (code.startsWith('x') ? Number.parseInt(code.slice(1), 16) : Number.parseInt(code, 8))),
  ).toString()
}

function unicodeToken(
  sql: string,
  tag: 'string' | 'quoted',
  raw: string,
  start: number,
  close: number | undefined,
): Token {
  if (close === undefined) return { tag, text: raw, start, end: sql.length }
  const own = ownEscape(sql, close + 1)
  const sign = own === undefined ? '\\\\' : own.sign.replace(/[\\^$.*?()[\]{}|/-]/, String.raw`\$&`)
  const pattern = new RegExp(`${sign}(?:(${sign})|([0-9a-fA-F]{4})|\\+([0-9a-fA-F]{6}))`, 'g')
  const text = raw.replace(pattern, (all: string, same?: string, short?: string, long?: string) =>
    same === undefined ? codePoint(short ?? long ?? '', all) : same,
  )
  return { tag, text, start, end: own?.end ?? close + 1 }
}

/** UESCAPE 'sign' */
function ownEscape(sql: string, from: number): { readonly sign: string; readonly end: number } | undefined {
  const word = skipBlank(sql, from)
  if (sql.slice(word, word + 7).toLowerCase() !== 'uescape') return undefined
  const open = skipBlank(sql, word + 7)
  const sign = sql[open + 1]
  if (sql[open] !== "'" || sql[open + 2] !== "'" || sign === undefined) return undefined
  return /[^0-9a-fA-F+'"\s\u0080-\uffff]/.test(sign) ? { sign, end: open + 3 } : undefined
}

function codePoint(hex: string, written: string): string {
  const code = Number.parseInt(hex, 16)
  return code <= 0x10ffff ? String.fromCodePoint(code) : written
}
