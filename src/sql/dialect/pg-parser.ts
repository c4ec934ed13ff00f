// PostgreSQL's own parser (libpg-query). Its trees are plain JSON; places in them are byte offsets into UTF-8.

import { loadModule, parseSync } from 'libpg-query'

await loadModule()

export type Node = { readonly [name: string]: unknown }

/** The tree of one statement; undefined when it does not parse: PostgreSQL will say why. */
export function parseTree(sql: string): Node | undefined {
  try {
    const { stmts } = parseSync(sql) as { stmts?: readonly { stmt?: Node }[] }
    return stmts?.[0]?.stmt
  } catch {
    return undefined
  }
}

/** Character offset of a byte offset. */
export function characterOffset(sql: string, bytes: Buffer, offset: number): number {
  return bytes.length === sql.length ? offset : bytes.toString('utf8', 0, offset).length
}

/** Calls `visit` with every `typeName` below a node. */
export function eachTypeName(node: unknown, visit: (typeName: Node) => void): void {
  if (Array.isArray(node)) {
    for (const item of node) eachTypeName(item, visit)
    return
  }
  if (typeof node !== 'object' || node === null) return
  for (const [name, value] of Object.entries(node)) {
    if ((name === 'typeName' || name === 'TypeName' || name === 'argType' || name === 'returnType') && isNode(value))
      visit(value)
    eachTypeName(value, visit)
  }
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
