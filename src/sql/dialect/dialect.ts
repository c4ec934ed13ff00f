// Translates CockroachDB's dialect in ordinary statements: types of columns, UPSERT, default_int_size, and the key rowid where a
// statement names it. What follows from the text alone is translated at once; what depends on a table needs the catalogue. A
// statement without any word of the dialect is not parsed at all.

import { isWord, type Token } from '../tokens.ts'
import { applySplices, type Splice } from '../splices.ts'
import { findCopyColumns, findKeyToDrop, mayAddKey } from './implicit-key.ts'
import { intSizeSplices } from './int-size.ts'
import { findKeyToAdd, namesKey } from './named-key.ts'
import { parseTree, type Node } from './pg-parser.ts'
import type { FindSplices } from './table-facts.ts'
import { askTypes } from './type-facts.ts'
import { findTypes, mayHoldTypes, plainFacts } from './types.ts'
import { findConflictClauses, upsertSplices } from './upsert.ts'

export interface Translation {
  readonly splices: readonly Splice[]
  /** Returns all splices, including the ones above, if some of them depend on the catalogue. */
  readonly findSplices: FindSplices | undefined
}

export interface TranslateOptions {
  /** Names of types may mean other types in this session, so that its catalogue must be asked. */
  readonly askTypes?: boolean
}

/** `tokens` are those of `sql`. */
export function translate(sql: string, tokens: readonly Token[], options: TranslateOptions = {}): Translation {
  const settings = intSizeSplices(tokens)
  if (settings.length > 0) return { splices: settings, findSplices: undefined }
  const inserts = upsertSplices(tokens)
  let tree: Node | undefined
  if (inserts.length > 0 || mayHoldTypes(tokens) || mayAddKey(tokens) || namesKey(tokens)) tree = parseTree(sql)
  // If the text parses without a change, "upsert" is only a name in it.
  const isUpsert = tree === undefined && inserts.length > 0
  if (isUpsert) tree = parseTree(applySplices(sql, inserts))

  const splices: Splice[] = isUpsert ? inserts : []
  const types = tree === undefined ? undefined : findTypes(sql, tokens, tree)
  const later: FindSplices[] = []
  if (types !== undefined) {
    if (options.askTypes === true) later.push(async (query) => types(await askTypes(query)))
    else splices.push(...types(plainFacts))
  }
  const find = findMore(sql, tokens, tree, isUpsert)
  if (find !== undefined) later.push(find)
  if (later.length === 0) return { splices, findSplices: undefined }
  return {
    splices,
    findSplices: async (query) => {
      const all = [...splices]
      for (const more of later) all.push(...(await more(query)))
      return all
    },
  }
}

function findMore(
  sql: string,
  tokens: readonly Token[],
  tree: Node | undefined,
  isUpsert: boolean,
): FindSplices | undefined {
  if (isWord(tokens[0], 'copy')) return findCopyColumns(tokens)
  if (tree === undefined) return undefined
  const adds = findKeyToAdd(tokens, tree)
  const find = isUpsert ? findConflictClauses(sql, tokens, tree) : findKeyToDrop(sql, tokens, tree)
  if (adds === undefined || find === undefined) return adds ?? find
  return async (query) => [...(await adds(query)), ...(await find(query))]
}
