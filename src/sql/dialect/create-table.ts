// A table without a primary key gets one: `rowid INT8 DEFAULT unique_rowid()`, its last column. Not where the key comes
// from elsewhere (LIKE, INHERITS, OF, a partition) or cannot be this one (a partitioned table), and not for temporary
// tables, which nobody watches.

import type { Token } from '../lexer.ts'
import type { Splice } from '../splices.ts'
import { closingBracket, isOp } from '../tokens.ts'
import { byteOffsets, isNode, type Node } from './pg-parser.ts'

export function rowidSplices(sql: string, tokens: readonly Token[], tree: Node): Splice[] {
  const create = tree['CreateStmt']
  if (!isNode(create) || !isNode(create['relation'])) return []
  const { relpersistence, location } = create['relation']
  const elements = (create['tableElts'] ?? []) as readonly Node[]
  const comesFromElsewhere = ['inhRelations', 'partbound', 'ofTypename', 'partspec'].some(
    (name) => create[name] !== undefined,
  )
  if (relpersistence === 't' || comesFromElsewhere || elements.some(hasKeyOrLike)) return []

  const names = new Set(elements.flatMap(({ ColumnDef: column }) => (isNode(column) ? [column['colname']] : [])))
  let name = 'rowid'
  for (let i = 1; names.has(name); i++) name = `rowid_${i}`

  const from = byteOffsets(sql)(location)
  const open = tokens.findIndex((token) => token.start >= from && isOp(token, '('))
  const close = open < 0 ? undefined : closingBracket(tokens, open)
  if (close === undefined) return []
  const { start } = tokens[close] as Token
  const comma = elements.length === 0 ? '' : ', '
  return [{ start, end: start, text: `${comma}${name} INT8 NOT NULL DEFAULT unique_rowid() PRIMARY KEY` }]
}

function hasKeyOrLike(element: Node): boolean {
  return element['TableLikeClause'] !== undefined || makesPrimaryKey(element)
}

/** A PRIMARY KEY by itself, or a column that has it. */
export function makesPrimaryKey(node: Node): boolean {
  const { Constraint: constraint, ColumnDef: column } = node
  if (isNode(constraint)) return constraint['contype'] === 'CONSTR_PRIMARY'
  return isNode(column) && ((column['constraints'] ?? []) as readonly Node[]).some(makesPrimaryKey)
}
