// Translates CockroachDB's names of types. STRING and BYTES are translated wherever a type may be, unless the user has a type
// of that name. INT means 8 bytes only in the columns that CREATE TABLE and ALTER TABLE define. In casts, functions and
// expressions it remains PostgreSQL's type, because ordinary SQL such as left('abc', 2::int) would find no function otherwise.
// Temporary tables keep PostgreSQL's INT, too. INTEGER and SERIAL remain PostgreSQL's until default_int_size is set: pg_dump and
// object mappers write these names and expect PostgreSQL's types.

import { isWord, type Token, tokenAt } from '../tokens.ts'
import type { Splice } from '../splices.ts'
import { byteOffsets, eachNode, isNode, type Node } from './pg-parser.ts'

export interface TypeFacts {
  /** The default_int_size of the session; undefined if it was never set. */
  readonly intSize: 4 | 8 | undefined
  /** The names of the dialect that are names of the user's types in this database. */
  readonly ownTypes: readonly string[]
}

/** The facts of a session that has set nothing, in a database without types of these names. */
export const plainFacts: TypeFacts = { intSize: undefined, ownTypes: [] }

const words = new Set(['string', 'bytes', 'int', 'integer', 'serial'])

/** The names of nodes that contain a type in the trees of the parser. */
const typeNames = new Set(['TypeName', 'typeName', 'argType', 'returnType', 'sourcetype', 'targettype', 'type_name'])

export function mayHoldTypes(tokens: readonly Token[]): boolean {
  const definesColumns = isWord(tokens[0], 'create') || isWord(tokens[0], 'alter')
  return tokens.some(
    ({ tag, text }) => tag === 'word' && (text === 'string' || text === 'bytes' || (definesColumns && words.has(text))),
  )
}

interface FoundType {
  readonly token: Token
  /** Whether it is the type of a column, and the table is not temporary. */
  readonly isColumn: boolean
  readonly isSized: boolean
}

/** Returns a function that makes the splices from the facts of the session; undefined if the statement has no name of the dialect. */
export function findTypes(
  sql: string,
  tokens: readonly Token[],
  tree: Node,
): ((facts: TypeFacts) => Splice[]) | undefined {
  const offset = byteOffsets(sql)
  const columns = columnTypes(tree)
  // A tree may have one location twice (a column list that is copied into its query).
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

/** Returns PostgreSQL's name of the type; undefined if the written name remains. */
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

/** Returns the types of the columns that a CREATE TABLE or ALTER TABLE defines. */
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
