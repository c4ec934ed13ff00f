// CockroachDB's type words. STRING and BYTES are types wherever a type may stand, unless the user has made a type of that
// name. INT means 8 bytes only in the columns that CREATE TABLE and ALTER TABLE define: in casts, functions and
// expressions it stays PostgreSQL's, or ordinary SQL such as left('abc', 2::int) would find no function. Temporary tables
// keep PostgreSQL's INT too. INTEGER and SERIAL stay PostgreSQL's until default_int_size is set: pg_dump and object
// mappers write those words, and expect to read back the types that PostgreSQL gives them.

import { isWord, type Token, tokenAt } from '../tokens.ts'
import type { Splice } from '../splices.ts'
import { byteOffsets, eachNode, isNode, type Node } from './pg-parser.ts'

export interface TypeFacts {
  /** The session's default_int_size; undefined: never set. */
  readonly intSize: 4 | 8 | undefined
  /** Words of ours that name a type of the user's here. */
  readonly ownTypes: readonly string[]
}

/** What holds for a session that has set nothing, in a database without types of these names. */
export const plainFacts: TypeFacts = { intSize: undefined, ownTypes: [] }

const words = new Set(['string', 'bytes', 'int', 'integer', 'serial'])

/** What the parser calls a type in its trees. */
const typeNames = new Set(['TypeName', 'typeName', 'argType', 'returnType', 'sourcetype', 'targettype', 'type_name'])

export function mayHoldTypes(tokens: readonly Token[]): boolean {
  const definesColumns = isWord(tokens[0], 'create') || isWord(tokens[0], 'alter')
  return tokens.some(
    ({ tag, text }) => tag === 'word' && (text === 'string' || text === 'bytes' || (definesColumns && words.has(text))),
  )
}

interface FoundType {
  readonly token: Token
  /** It is the type of a column of a table that lasts. */
  readonly isColumn: boolean
  readonly isSized: boolean
}

/** Gives the splices for what the session and its database say of the words; undefined: there are none of them. */
export function findTypes(
  sql: string,
  tokens: readonly Token[],
  tree: Node,
): ((facts: TypeFacts) => Splice[]) | undefined {
  const offset = byteOffsets(sql)
  const columns = columnTypes(tree)
  // A tree may name one place twice (a column list that is copied into its query).
  const found = new Map<number, FoundType>()
  eachNode(tree, (name, node) => {
    if (!typeNames.has(name)) return
    const token = tokens[tokenAt(tokens, offset(node['location']))]
    if (token?.tag !== 'word' || !words.has(token.text)) return
    const { typmods } = node
    found.set(token.start, {
      token,
      isColumn: columns.has(node),
      isSized: Array.isArray(typmods) && typmods.length > 0,
    })
  })
  if (found.size === 0) return undefined
  return (facts) =>
    [...found.values()].flatMap((type) => {
      const text = wordFor(type, facts)
      return text === undefined ? [] : [{ start: type.token.start, end: type.token.end, text }]
    })
}

/** PostgreSQL's word for the type; undefined: the one that stands there. */
function wordFor({ token, isColumn, isSized }: FoundType, { intSize, ownTypes }: TypeFacts): string | undefined {
  const { text } = token
  if (ownTypes.includes(text)) return undefined
  if (text === 'string') return isSized ? 'varchar' : 'text'
  if (text === 'bytes') return 'bytea'
  if (!isColumn) return undefined
  if (text === 'int') return intSize === 4 ? undefined : 'int8'
  if (intSize !== 8) return undefined
  return text === 'integer' ? 'int8' : 'bigserial'
}

/** The types of the columns that a CREATE TABLE or ALTER TABLE defines. */
function columnTypes(tree: Node): ReadonlySet<Node> {
  const types = new Set<Node>()
  const add = (column: unknown): void => {
    if (isNode(column) && isNode(column['typeName'])) types.add(column['typeName'])
  }
  const { CreateStmt: create, AlterTableStmt: alter } = tree
  if (isNode(create) && !isTemporary(create['relation'])) {
    for (const { ColumnDef: column } of list(create['tableElts'])) add(column)
  }
  if (isNode(alter) && alter['objtype'] === 'OBJECT_TABLE') {
    for (const { AlterTableCmd: command } of list(alter['cmds'])) {
      if (isNode(command) && isNode(command['def'])) add(command['def']['ColumnDef'])
    }
  }
  return types
}

function isTemporary(relation: unknown): boolean {
  return isNode(relation) && (relation['relpersistence'] === 't' || relation['schemaname'] === 'pg_temp')
}

function list(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value.filter(isNode) : []
}
