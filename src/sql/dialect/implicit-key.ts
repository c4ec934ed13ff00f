// Changes statements that would fail or differ because of a rowid column that we added:
//
//   COPY t FROM … | TO …          COPY t (all columns but rowid) FROM … | TO …
//   ALTER TABLE t ADD PRIMARY KEY  ALTER TABLE t DROP COLUMN rowid, ADD PRIMARY KEY
//   … of a partition               ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY

import { quoteName } from '../../core/quote.ts'
import { isOp, isWord, nameEnd, type Token, tokenAt } from '../tokens.ts'
import { byteOffsets, isNode, type Node } from './pg-parser.ts'
import { askTable, tableName, type FindSplices } from './table-facts.ts'

export function findCopyColumns(tokens: readonly Token[]): FindSplices | undefined {
  const last = nameEnd(tokens, 1)
  const token = tokens[last]
  if (token === undefined || (token.tag !== 'word' && token.tag !== 'quoted')) return undefined
  if (!['from', 'to'].some((word) => isWord(tokens[last + 1], word))) return undefined
  const name = tableName(tokens, 1)
  return async (query) => {
    const facts = await askTable(query, name)
    if (facts === undefined || !facts.implicitKey) return []
    const columns = facts.columns.filter((column) => !facts.primaryKey.includes(column)).map(quoteName)
    // A table that has only its rowid has no columns to list.
    return columns.length === 0 ? [] : [{ start: token.end, end: token.end, text: ` (${columns.join(', ')})` }]
  }
}

export function mayAddKey(tokens: readonly Token[]): boolean {
  return (
    isWord(tokens[0], 'alter') &&
    isWord(tokens[1], 'table') &&
    tokens.some((token, i) => isWord(token, 'primary') && isWord(tokens[i + 1], 'key'))
  )
}

export function findKeyToDrop(sql: string, tokens: readonly Token[], tree: Node): FindSplices | undefined {
  const alter = tree['AlterTableStmt']
  if (!isNode(alter) || !isNode(alter['relation'])) return undefined
  const commands = (alter['cmds'] as readonly Node[]).map(({ AlterTableCmd: command }) => command).filter(isNode)
  const addsKey = commands.some(({ def }) => isNode(def) && makesPrimaryKey(def))
  const dropped = (subtype: string, name: string | null): boolean =>
    commands.some((command) => command['subtype'] === subtype && command['name'] === name)
  const first = tokenAt(tokens, byteOffsets(sql)(alter['relation']['location']))
  if (!addsKey || first < 0) return undefined
  const last = nameEnd(tokens, first)
  const action = tokens[isOp(tokens[last + 1], '*') ? last + 2 : last + 1]
  if (action === undefined) return undefined
  const name = tableName(tokens, first)
  return async (query) => {
    const facts = await askTable(query, name)
    const rowid = facts?.rowid ?? null
    if (rowid === null) return []
    const { column, constraint, isInherited } = rowid
    if (dropped('AT_DropColumn', column) || dropped('AT_DropConstraint', constraint)) return []
    // A partition or child inherits the column, so that only its key can be dropped. A partitioned table has the column and its
    // partitions have the keys, which are dropped together with the column.
    if (isInherited && constraint === null) return []
    const drop =
      isInherited && constraint !== null ? `CONSTRAINT ${quoteName(constraint)}` : `COLUMN ${quoteName(column)}`
    return [{ start: action.start, end: action.start, text: `DROP ${drop}, ` }]
  }
}

/** Returns whether the node is a PRIMARY KEY constraint, or a column that has one. */
function makesPrimaryKey(node: Node): boolean {
  const { Constraint: constraint, ColumnDef: column } = node
  if (isNode(constraint)) return constraint['contype'] === 'CONSTR_PRIMARY'
  return isNode(column) && ((column['constraints'] ?? []) as readonly Node[]).some(makesPrimaryKey)
}
