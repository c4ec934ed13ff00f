// UPSERT INTO t …   INSERT INTO t … ON CONFLICT (key) DO UPDATE SET …, also below EXPLAIN, PREPARE and WITH. PostgreSQL's
// parser does not know UPSERT. INSERT has the same length, so that all locations in the tree remain right.

import { quoteName } from '../../core/quote.ts'
import { isOp, isWord, type Token } from '../tokens.ts'
import type { Splice } from '../splices.ts'
import { byteOffsets, eachNode, isNode, type Node } from './pg-parser.ts'
import { askTable, tableName, type FindSplices, type TableFacts } from './table-facts.ts'

/** Returns splices that replace UPSERT by INSERT. */
export function upsertSplices(tokens: readonly Token[]): Splice[] {
  return upserts(tokens).map((at) => {
    const { start, end } = tokens[at] as Token
    return { start, end, text: 'INSERT' }
  })
}

/** Finds the ON CONFLICT clauses to add. `tree` is the tree of the statement with INSERT in place of UPSERT. */
export function findConflictClauses(sql: string, tokens: readonly Token[], tree: Node): FindSplices | undefined {
  const offset = byteOffsets(sql)
  const inserts = new Map<number, Node>()
  eachNode(tree, (name, node) => {
    if (name === 'InsertStmt' && isNode(node['relation'])) inserts.set(offset(node['relation']['location']), node)
  })
  const targets = upserts(tokens).flatMap((at) => {
    const insert = inserts.get(tokens[at + 2]?.start ?? -1)
    if (insert === undefined || insert['onConflictClause'] !== undefined) return []
    const listed = (insert['cols'] as readonly Node[] | undefined)?.map(
      (column) => (column['ResTarget'] as Node)['name'] as string,
    )
    return [{ name: tableName(tokens, at + 2), listed, place: clausePlace(tokens, at + 2) }]
  })
  if (targets.length === 0) return undefined
  return async (query) => {
    const splices: Splice[] = []
    for (const { name, listed, place } of targets) {
      const facts = await askTable(query, name)
      if (facts === undefined || facts.primaryKey.length === 0) continue
      splices.push({ start: place, end: place, text: conflictClause(facts, listed) })
    }
    return splices
  }
}

function upserts(tokens: readonly Token[]): number[] {
  return tokens.flatMap((token, i) => (isWord(token, 'upsert') && isWord(tokens[i + 1], 'into') ? [i] : []))
}

/** Returns where the clause is added: before the RETURNING of the statement, before the closing bracket around it, or at the end. */
function clausePlace(tokens: readonly Token[], from: number): number {
  let depth = 0
  for (const token of tokens.slice(from)) {
    if (isOp(token, '(')) depth += 1
    else if (isOp(token, ')')) depth -= 1
    if (depth < 0 || (depth === 0 && isWord(token, 'returning'))) return token.start
  }
  return tokens.at(-1)?.end ?? 0
}

function conflictClause({ columns, primaryKey }: TableFacts, listed: readonly string[] | undefined): string {
  const set = (listed ?? columns)
    .filter((column) => !primaryKey.includes(column))
    .map((column) => `${quoteName(column)} = excluded.${quoteName(column)}`)
  // If the statement has only the columns of the key, the row is updated without a change, so that RETURNING and the count include it.
  const [first = ''] = primaryKey.map(quoteName)
  if (set.length === 0) set.push(`${first} = excluded.${first}`)
  return ` ON CONFLICT (${primaryKey.map(quoteName).join(', ')}) DO UPDATE SET ${set.join(', ')} `
}
