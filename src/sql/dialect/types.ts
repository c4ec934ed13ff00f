// CockroachDB's type words: STRING, BYTES, and INT as 8 bytes. Which words are types is the parser's to say: a column
// may be called "string".

import type { Token } from '../lexer.ts'
import { characterOffset, eachTypeName, type Node } from './pg-parser.ts'
import type { Splice } from './splices.ts'

const words: Readonly<Record<string, string>> = {
  string: 'text',
  bytes: 'bytea',
  int: 'int8',
  integer: 'int8',
  serial: 'bigserial',
}

export function mayHoldTypes(tokens: readonly Token[]): boolean {
  return tokens.some(({ tag, text }) => tag === 'word' && Object.hasOwn(words, text))
}

export function typeSplices(sql: string, tokens: readonly Token[], tree: Node): Splice[] {
  const bytes = Buffer.from(sql)
  const splices: Splice[] = []
  eachTypeName(tree, ({ location, typmods }) => {
    const start = characterOffset(sql, bytes, typeof location === 'number' ? location : 0)
    const index = tokens.findIndex((candidate) => candidate.start === start)
    const token = tokens[index]
    if (token?.tag !== 'word' || !Object.hasOwn(words, token.text)) return
    const isSized = token.text === 'string' && Array.isArray(typmods) && typmods.length > 0
    splices.push({ start, end: token.end, text: isSized ? 'varchar' : (words[token.text] as string) })
  })
  return splices
}
