// CockroachDB's type words: STRING, BYTES, and INT as 8 bytes. Which words are types is the parser's to say: a column
// may be called "string".

import type { Token } from '../lexer.ts'
import type { Splice } from '../splices.ts'
import { tokenAt } from '../tokens.ts'
import { byteOffsets, eachNode, type Node } from './pg-parser.ts'

const words: Readonly<Record<string, string>> = {
  string: 'text',
  bytes: 'bytea',
  int: 'int8',
  integer: 'int8',
  serial: 'bigserial',
}

/** What the parser calls a type in its trees. */
const typeNames = new Set(['TypeName', 'typeName', 'argType', 'returnType', 'sourcetype', 'targettype', 'type_name'])

export function mayHoldTypes(tokens: readonly Token[]): boolean {
  return tokens.some(({ tag, text }) => tag === 'word' && Object.hasOwn(words, text))
}

export function typeSplices(sql: string, tokens: readonly Token[], tree: Node): Splice[] {
  const offset = byteOffsets(sql)
  // A tree may name one place twice (a column list that is copied into its query).
  const splices = new Map<number, Splice>()
  eachNode(tree, (name, { location, typmods }) => {
    if (!typeNames.has(name)) return
    const start = offset(location)
    const token = tokens[tokenAt(tokens, start)]
    if (token?.tag !== 'word' || !Object.hasOwn(words, token.text)) return
    const isSized = token.text === 'string' && Array.isArray(typmods) && typmods.length > 0
    splices.set(start, { start, end: token.end, text: isSized ? 'varchar' : (words[token.text] as string) })
  })
  return [...splices.values()]
}
