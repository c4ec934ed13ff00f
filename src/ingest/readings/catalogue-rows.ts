// What a description says of the rows of the catalogue that it was made of. By it, a later reading is compared with the log after a
// restart, and it is seen that ALTER TABLE has written all rows anew.

import { createHash } from 'node:crypto'
import type { CatalogueRows, TableDescription } from '../../core/table.ts'
import type { SeenTable } from '../../source-schema/prepared/describe-tables.ts'

/** A longer list of columns is kept as a fingerprint. */
const longest = 1000

export function catalogueOf(table: SeenTable): CatalogueRows {
  return { key: table.keyOid, file: table.fileNode, columns: markOf(table.written) }
}

/**
 * How often ALTER TABLE has written all rows anew. TRUNCATE and VACUUM FULL write them into another file, too, and leave the
 * columns alone; but VACUUM FULL clears what older rows were missing.
 */
export function rewritesOf(before: TableDescription | undefined, now: SeenTable): number {
  const rewrites = before?.rewrites ?? 0
  const was = before?.catalogue
  if (was === undefined || before === undefined) return rewrites
  if (was.file === now.fileNode || was.columns === markOf(now.written)) return rewrites
  return clearsOnly(before, was.columns, now) ? rewrites : rewrites + 1
}

function clearsOnly(before: TableDescription, columns: string, now: SeenTable): boolean {
  if (!columns.includes(':')) return false
  const was = new Set(columns.split(','))
  const written = now.written.split(',').filter((column) => !was.has(column))
  return written.every((column) => {
    const attnum = Number(column.split(':')[0])
    const old = before.columns.find((candidate) => candidate.attnum === attnum)
    return old?.missing != null
  })
}

function markOf(written: string): string {
  return written.length <= longest ? written : createHash('sha256').update(written).digest('hex')
}
