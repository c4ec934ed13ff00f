// INSERT INTO t … RETURNING rowid, where t has no key yet: the statement names the key that CockroachDB would have added, so the
// table gets this key before the INSERT. This is done only if t is an ordinary table that has neither a primary key nor a
// column of this name.

import { quoteName, quoteString } from '../../core/quote.ts'
import type { Token } from '../tokens.ts'
import { eachNode, isNode, type Node } from './pg-parser.ts'
import { keylessFactsSql, keyToAdd, type KeylessFacts } from './rowid-key.ts'
import type { CatalogueQuery, FindSplices } from './table-facts.ts'

export function namesKey(tokens: readonly Token[]): boolean {
  const returning = tokens.findIndex(({ tag, text }) => tag === 'word' && text === 'returning')
  return returning >= 0 && tokens.slice(returning).some(isRowid)
}

function isRowid({ tag, text }: Token): boolean {
  return (tag === 'word' || tag === 'quoted') && text === 'rowid'
}

export function findKeyToAdd(tokens: readonly Token[], tree: Node): FindSplices | undefined {
  const insert = tree['InsertStmt']
  if (!namesKey(tokens) || !isNode(insert) || !isNode(insert['relation'])) return undefined
  if (!returnsRowid(insert['returningClause'])) return undefined
  const { schemaname, relname } = insert['relation']
  const parts = [schemaname, relname].filter((part) => typeof part === 'string')
  return async (query) => {
    await addKey(query, parts.map(quoteName).join('.'))
    return []
  }
}

function returnsRowid(returning: unknown): boolean {
  let found = false
  if (isNode(returning)) {
    eachNode(returning, (name, { fields }) => {
      if (name !== 'ColumnRef' || !Array.isArray(fields)) return
      const last = fields.at(-1) as Node | undefined
      if (isNode(last?.['String']) && last['String']['sval'] === 'rowid') found = true
    })
  }
  return found
}

async function addKey(query: CatalogueQuery, name: string): Promise<void> {
  const text = quoteString(name)
  let rows: Awaited<ReturnType<CatalogueQuery>>
  try {
    rows =
      await query(`SELECT ${keylessFactsSql()}::pg_catalog.text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${text}) AND c.relkind OPERATOR(pg_catalog.=) 'r' AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{pg_catalog,changefeed,crdb_internal}'::pg_catalog.name[])
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_index WHERE indrelid OPERATOR(pg_catalog.=) c.oid AND indisprimary)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid OPERATOR(pg_catalog.=) c.oid AND attname OPERATOR(pg_catalog.=) 'rowid' AND NOT attisdropped)`)
  } catch {
    // For example in a failed transaction: PostgreSQL will report the error for the statement itself.
    return
  }
  const json = rows[0]?.[0]
  if (typeof json !== 'string') return
  const facts = JSON.parse(json) as KeylessFacts
  if (!facts.isOwner || facts.isTyped) return
  for (const statement of keyToAdd(facts).statements) await query(statement)
}
