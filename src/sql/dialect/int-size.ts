// CockroachDB's session setting default_int_size: 4 or 8 bytes for the INT of a column. PostgreSQL keeps settings that it
// does not know if their name contains a dot, so this one is renamed and SET LOCAL, RESET, ALTER ROLE … SET and rollbacks work as
// for any other setting. SHOW returns 8 if nothing is set.

import { FeedError } from '../../errors/feed-error.ts'
import { isOp, isWord, type Token } from '../tokens.ts'
import type { Splice } from '../splices.ts'

const name = 'default_int_size'
export const intSizeSetting = `crdb.${name}`

/** The value of the session as text; empty if it is not set. */
export const intSizeSql = `coalesce(pg_catalog.current_setting('${intSizeSetting}', true), '')`

/** Translates SET, RESET, SHOW and ALTER … SET of default_int_size; returns no splices for other statements. */
export function intSizeSplices(tokens: readonly Token[]): Splice[] {
  const at = settingPlace(tokens)
  const token = tokens[at]
  if (token === undefined) return []
  if (isWord(tokens[0], 'show')) {
    const text = `SELECT CASE ${intSizeSql} WHEN '' THEN '8' ELSE ${intSizeSql} END AS ${name}`
    return tokens.length === 2 ? [{ start: tokens[0]?.start ?? 0, end: token.end, text }] : []
  }
  if (isOp(tokens[at + 1], '=') || isWord(tokens[at + 1], 'to')) checkValue(tokens[at + 2])
  return [{ start: token.start, end: token.end, text: intSizeSetting }]
}

function settingPlace(tokens: readonly Token[]): number {
  const [first, second] = tokens
  const is = (at: number): boolean => {
    const token = tokens[at]
    return (token?.tag === 'word' || token?.tag === 'quoted') && token.text.toLowerCase() === name
  }
  if (isWord(first, 'show') || isWord(first, 'reset')) return is(1) ? 1 : -1
  if (isWord(first, 'set')) {
    const at = isWord(second, 'session') || isWord(second, 'local') ? 2 : 1
    return is(at) ? at : -1
  }
  if (!isWord(first, 'alter')) return -1
  return tokens.findIndex((token, i) => (isWord(token, 'set') || isWord(token, 'reset')) && is(i + 1)) + 1 || -1
}

function checkValue(value: Token | undefined): void {
  const isDefault = isWord(value, 'default')
  if (value === undefined || isDefault || value.text === '4' || value.text === '8') return
  throw new FeedError('FEED_SETTING', `only 4 or 8 are supported by ${name}`, { hint: `SET ${name} = 4` })
}

/** Translates the setting in the parameters of a new connection, where it is a parameter or `-c name=value` in `options`. */
export function withIntSize(startup: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const changed = new Map<string, string>()
  for (const [key, value] of startup) {
    if (key.toLowerCase() === name) {
      checkValue({ tag: 'string', text: value, start: 0, end: 0 })
      changed.set(intSizeSetting, value)
    } else if (key === 'options') changed.set(key, value.replace(optionForm, optionWord))
    else changed.set(key, value)
  }
  return changed
}

const optionForm = /(^|\s)(-c\s*|--)default[_-]int[_-]size=(\S*)/gi

function optionWord(_all: string, before: string, flag: string, value: string): string {
  checkValue({ tag: 'string', text: value, start: 0, end: 0 })
  return `${before}${flag}${intSizeSetting}=${value}`
}
