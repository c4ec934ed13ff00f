// A table without a primary key gets one: `rowid INT8 DEFAULT unique_rowid()`, its last column. Not where the key comes
// from elsewhere (LIKE, INHERITS, OF, a partition) or cannot be this one (a partitioned table), and not for temporary
// tables, which nobody watches.

import type { Token } from '../lexer.ts'
import { isOp } from '../split.ts'
import { characterOffset, isNode, type Node } from './pg-parser.ts'
import type { Splice } from './splices.ts'

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

  const from = characterOffset(sql, Buffer.from(sql), typeof location === 'number' ? location : 0)
  const open = tokens.findIndex((token) => token.start >= from && isOp(token, '('))
  const close = closingBracket(tokens, open)
  if (close === undefined) return []
  const comma = elements.length === 0 ? '' : ', '
  const text = `${comma}${name} INT8 NOT NULL DEFAULT unique_rowid() PRIMARY KEY`
  return [{ start: close.start, end: close.start, text }]
}

function hasKeyOrLike(element: Node): boolean {
  if (element['TableLikeClause'] !== undefined || isPrimaryKey(element)) return true
  const column = element['ColumnDef']
  return isNode(column) && ((column['constraints'] ?? []) as readonly Node[]).some(isPrimaryKey)
}

export function isPrimaryKey(node: Node): boolean {
  return isNode(node['Constraint']) && node['Constraint']['contype'] === 'CONSTR_PRIMARY'
}

function closingBracket(tokens: readonly Token[], open: number): Token | undefined {
  if (open < 0) return undefined
  let depth = 0
  for (const token of tokens.slice(open)) {
    if (isOp(token, '(')) depth += 1
    else if (isOp(token, ')') && --depth === 0) return token
  }
  return undefined
}
