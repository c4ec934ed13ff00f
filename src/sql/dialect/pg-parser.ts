// PostgreSQL's own parser (libpg-query). Its trees are plain JSON; locations in them are byte offsets into UTF-8.

import { loadModule, parseSync } from 'libpg-query'

await loadModule()

export type Node = { readonly [name: string]: unknown }

/** Returns the tree of one statement; undefined if it does not parse, which PostgreSQL will report. */
export function parseTree(sql: string): Node | undefined {
  try {
    const { stmts } = parseSync(sql) as { stmts?: readonly { stmt?: Node }[] }
    return stmts?.[0]?.stmt
  } catch {
    return undefined
  }
}

/** Returns a function that converts byte offsets of a tree to offsets in the string. */
export function byteOffsets(sql: string): (offset: unknown) => number {
  const length = Buffer.byteLength(sql)
  const plain = (offset: unknown): number => (typeof offset === 'number' ? offset : 0)
  if (length === sql.length) return plain
  const offsets = new Uint32Array(length + 1)
  let byte = 0
  for (let at = 0; at < sql.length;) {
    const code = sql.codePointAt(at) as number
    offsets[byte] = at
    byte += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    at += code > 0xffff ? 2 : 1
  }
  offsets[byte] = sql.length
  return (offset) => offsets[plain(offset)] ?? sql.length
}

/** Calls `visit` with every node of a tree and its name in the tree. It does not recurse, because trees may be deeper than the stack. */
export function eachNode(tree: Node, visit: (name: string, node: Node) => void): void {
  const pending: unknown[] = [tree]
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (Array.isArray(value)) for (const item of value) pending.push(item)
    else if (isNode(value)) {
      for (const [name, member] of Object.entries(value)) {
        if (isNode(member)) visit(name, member)
        if (typeof member === 'object' && member !== null) pending.push(member)
      }
    }
  }
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
