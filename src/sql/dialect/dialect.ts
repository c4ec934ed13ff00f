// CockroachDB's words in ordinary statements, for the single node: types, the rowid key, UPSERT. What can be said from
// the text alone is changed at once; what depends on a table waits for the catalogue. A statement without any of the
// words is not parsed at all.

import type { Token } from '../lexer.ts'
import { isWord } from '../split.ts'
import { rowidSplices } from './create-table.ts'
import { parseTree } from './pg-parser.ts'
import { findRewrite, type Rewrite } from './rewrite.ts'
import { applySplices, type Splice } from './splices.ts'
import { mayHoldTypes, typeSplices } from './types.ts'

export type Translated =
  | { readonly tag: 'same' }
  | { readonly tag: 'changed'; readonly sql: string }
  | { readonly tag: 'rewrite'; readonly rewrite: Rewrite }

/** `tokens`: of this statement's text. */
export function translate(sql: string, tokens: readonly Token[]): Translated {
  const createsTable = isWord(tokens[0], 'create') && tokens.slice(1, 5).some((token) => isWord(token, 'table'))
  const splices: Splice[] = []
  if (createsTable || mayHoldTypes(tokens)) {
    // UPSERT is the one word that PostgreSQL's parser does not know; as long as INSERT, it leaves all places alone.
    const upsert = tokens.find((token, i) => isWord(token, 'upsert') && isWord(tokens[i + 1], 'into'))
    const tree = parseTree(
      upsert === undefined ? sql : applySplices(sql, [{ start: upsert.start, end: upsert.end, text: 'INSERT' }]),
    )
    if (tree !== undefined) {
      splices.push(...typeSplices(sql, tokens, tree))
      if (createsTable) splices.push(...rowidSplices(sql, tokens, tree))
    }
  }
  const rewrite = findRewrite(sql, tokens, splices)
  if (rewrite !== undefined) return { tag: 'rewrite', rewrite }
  return splices.length === 0 ? { tag: 'same' } : { tag: 'changed', sql: applySplices(sql, splices) }
}
