// Statements whose meaning depends on the table they name: they are rewritten when the catalogue has been asked, on the
// session's own backend, just before they go there.
//
//   UPSERT INTO t …                INSERT INTO t … ON CONFLICT (key) DO UPDATE SET …
//   COPY t FROM …                  COPY t (all columns but an implicit rowid) FROM …
//   ALTER TABLE t ADD PRIMARY KEY  … DROP COLUMN rowid, ADD PRIMARY KEY, where rowid was made by us

import type { Token } from '../lexer.ts'
import { isOp, isWord } from '../split.ts'
import { isPrimaryKey } from './create-table.ts'
import { characterOffset, isNode, parseTree, type Node } from './pg-parser.ts'
import { applySplices, type Splice } from './splices.ts'

export type CatalogueQuery = (sql: string) => Promise<readonly (readonly (string | null)[])[]>
export type Rewrite = (query: CatalogueQuery) => Promise<string>

interface TableFacts {
  readonly columns: readonly string[]
  readonly primaryKey: readonly string[]
  /** The key is a rowid column with unique_rowid() as default. */
  readonly implicitKey: boolean
}

/** Undefined: the statement does not depend on a table. `splices`: what else changes in it. */
export function findRewrite(sql: string, tokens: readonly Token[], splices: readonly Splice[]): Rewrite | undefined {
  const upsert = tokens.findIndex((token, i) => isWord(token, 'upsert') && isWord(tokens[i + 1], 'into'))
  if (upsert >= 0) return upsertRewrite(sql, tokens, upsert, splices)
  if (isWord(tokens[0], 'copy')) return copyRewrite(sql, tokens)
  if (
    isWord(tokens[0], 'alter') &&
    tokens.some((token, i) => isWord(token, 'primary') && isWord(tokens[i + 1], 'key'))
  ) {
    return addKeyRewrite(sql, tokens, splices)
  }
  return undefined
}

function upsertRewrite(
  sql: string,
  tokens: readonly Token[],
  at: number,
  splices: readonly Splice[],
): Rewrite | undefined {
  const word = tokens[at] as Token
  const insertWord = { start: word.start, end: word.end, text: 'INSERT' }
  const inserting = applySplices(sql, [insertWord])
  const tree = parseTree(inserting)
  const insert = tree?.['InsertStmt']
  if (!isNode(insert) || insert['onConflictClause'] !== undefined) return async () => inserting
  const listed = (insert['cols'] as readonly Node[] | undefined)?.map(
    (column) => (column['ResTarget'] as Node)['name'] as string,
  )
  const end = returningAt(tokens, at) ?? tokens.at(-1)?.end ?? sql.length
  const name = tableName(sql, tokens, at + 2)
  return async (query) => {
    const facts = await askTable(query, name)
    const conflict = facts === undefined || facts.primaryKey.length === 0 ? '' : onConflict(facts, listed)
    return applySplices(sql, [...splices, insertWord, { start: end, end, text: conflict }])
  }
}

function onConflict({ columns, primaryKey }: TableFacts, listed: readonly string[] | undefined): string {
  const set = (listed ?? columns)
    .filter((column) => !primaryKey.includes(column))
    .map((column) => `${quote(column)} = excluded.${quote(column)}`)
  const action = set.length === 0 ? 'NOTHING' : `UPDATE SET ${set.join(', ')}`
  return ` ON CONFLICT (${primaryKey.map(quote).join(', ')}) DO ${action} `
}

/** Start of a RETURNING that belongs to the statement itself. */
function returningAt(tokens: readonly Token[], from: number): number | undefined {
  let depth = 0
  for (const token of tokens.slice(from)) {
    if (isOp(token, '(')) depth += 1
    else if (isOp(token, ')')) depth -= 1
    else if (depth === 0 && isWord(token, 'returning')) return token.start
  }
  return undefined
}

function copyRewrite(sql: string, tokens: readonly Token[]): Rewrite | undefined {
  const last = nameEnd(tokens, 1)
  const token = tokens[last]
  if (token === undefined || (token.tag !== 'word' && token.tag !== 'quoted') || !isWord(tokens[last + 1], 'from'))
    return undefined
  const name = tableName(sql, tokens, 1)
  return async (query) => {
    const facts = await askTable(query, name)
    if (facts === undefined || !facts.implicitKey) return sql
    const columns = facts.columns.filter((column) => !facts.primaryKey.includes(column)).map(quote)
    return applySplices(sql, [{ start: token.end, end: token.end, text: ` (${columns.join(', ')})` }])
  }
}

function addKeyRewrite(sql: string, tokens: readonly Token[], splices: readonly Splice[]): Rewrite | undefined {
  const alter = parseTree(sql)?.['AlterTableStmt']
  if (!isNode(alter)) return undefined
  const added = (alter['cmds'] as readonly Node[]).map(({ AlterTableCmd: command }) =>
    isNode(command) ? command['def'] : undefined,
  )
  const key = added.find((def) => isNode(def) && isPrimaryKey(def)) as Node | undefined
  const relation = alter['relation'] as Node
  if (key === undefined) return undefined
  const bytes = Buffer.from(sql)
  const place = characterOffset(sql, bytes, Number((key['Constraint'] as Node)['location'] ?? 0))
  const index = tokens.findIndex((token) => token.start === place)
  const add = tokens[index - 1]
  const first = tokens.findIndex(
    (token) => token.start === characterOffset(sql, bytes, Number(relation['location'] ?? 0)),
  )
  if (add === undefined || !isWord(add, 'add') || first < 0) return undefined
  const name = tableName(sql, tokens, first)
  return async (query) => {
    const facts = await askTable(query, name)
    if (facts === undefined || !facts.implicitKey) return applySplices(sql, splices)
    const drop = { start: add.start, end: add.start, text: `DROP COLUMN ${quote(facts.primaryKey[0] ?? '')}, ` }
    return applySplices(sql, [...splices, drop])
  }
}

/** Index of the last token of the name that starts at `first`. */
function nameEnd(tokens: readonly Token[], first: number): number {
  let last = first
  while (isOp(tokens[last + 1], '.')) last += 2
  return last
}

function tableName(sql: string, tokens: readonly Token[], first: number): string {
  const last = tokens[nameEnd(tokens, first)]
  return sql.slice(tokens[first]?.start ?? 0, last?.end ?? 0)
}

async function askTable(query: CatalogueQuery, name: string): Promise<TableFacts | undefined> {
  const text = `E'${name.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
  try {
    const rows = await query(`SELECT pg_catalog.json_build_object(
  'columns', (SELECT pg_catalog.json_agg(attname ORDER BY attnum) FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''),
  'primaryKey', coalesce((SELECT pg_catalog.json_agg(a.attname ORDER BY k.place) FROM pg_catalog.pg_index i, pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_catalog.pg_attribute a USING (attnum) WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND k.place <= i.indnkeyatts), '[]'),
  'implicitKey', EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attrdef d ON d.adrelid = i.indrelid AND d.adnum = i.indkey[0]
    JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1 AND a.attname ~ '^rowid(_[0-9]+)?$' AND pg_catalog.pg_get_expr(d.adbin, d.adrelid) = 'unique_rowid()')
)::text FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(${text})`)
    const json = rows[0]?.[0]
    return typeof json === 'string' ? (JSON.parse(json) as TableFacts) : undefined
  } catch {
    // In a failed transaction, say: the statement itself will tell.
    return undefined
  }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
