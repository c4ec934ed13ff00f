// CockroachDB's words in ordinary statements, for the single node: types, the rowid key, UPSERT. What can be said from
// the text alone is changed at once; what depends on a table waits for the catalogue. A statement without any of the
// words is not parsed at all.

import type { Token } from '../lexer.ts'
import { applySplices, type Splice } from '../splices.ts'
import { isWord } from '../tokens.ts'
import { rowidSplices } from './create-table.ts'
import { findCopyColumns, findKeyToDrop, mayAddKey } from './implicit-key.ts'
import { parseTree, type Node } from './pg-parser.ts'
import type { FindSplices } from './table-facts.ts'
import { mayHoldTypes, typeSplices } from './types.ts'
import { findConflictClauses, upsertSplices } from './upsert.ts'

export interface Translation {
  readonly splices: readonly Splice[]
  /** All splices, those above among them, when some of them depend on the catalogue. */
  readonly findSplices: FindSplices | undefined
}

/** `tokens`: of this statement's text. */
export function translate(sql: string, tokens: readonly Token[]): Translation {
  const createsTable = isWord(tokens[0], 'create') && tokens.slice(1, 5).some((token) => isWord(token, 'table'))
  const inserts = upsertSplices(tokens)
  let tree: Node | undefined
  if (createsTable || inserts.length > 0 || mayHoldTypes(tokens) || mayAddKey(tokens)) tree = parseTree(sql)
  // Where the text parses as it is, "upsert" is only somebody's name.
  const isUpsert = tree === undefined && inserts.length > 0
  if (isUpsert) tree = parseTree(applySplices(sql, inserts))

  const splices: Splice[] = isUpsert ? inserts : []
  if (tree !== undefined) {
    splices.push(...typeSplices(sql, tokens, tree))
    if (createsTable) splices.push(...rowidSplices(sql, tokens, tree))
  }
  const find = findMore(sql, tokens, tree, isUpsert)
  if (find === undefined) return { splices, findSplices: undefined }
  return { splices, findSplices: async (query) => [...splices, ...(await find(query))] }
}

function findMore(
  sql: string,
  tokens: readonly Token[],
  tree: Node | undefined,
  isUpsert: boolean,
): FindSplices | undefined {
  if (isWord(tokens[0], 'copy')) return findCopyColumns(tokens)
  if (tree === undefined) return undefined
  return isUpsert ? findConflictClauses(sql, tokens, tree) : findKeyToDrop(sql, tokens, tree)
}
