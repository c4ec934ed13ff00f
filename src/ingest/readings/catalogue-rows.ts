// What a description says of the rows of the catalogue that it was made of. By it, a later reading is compared with the log after a
// restart, and it is seen that ALTER TABLE has written all rows anew.

import { createHash } from 'node:crypto'
import type { CatalogueRows, TableDescription } from '../../core/table.ts'
import type { SeenTable } from '../../source-schema/prepared/describe-tables.ts'

/** A longer list of columns is kept as a fingerprint. */
const longest = 1000

export function catalogueOf(table: SeenTable): CatalogueRows {
  const { keyOid, fileNode, toast, namedBy, isMember, written, attachedBy } = table
  return {
    key: keyOid,
    file: fileNode,
    toast,
    ...(namedBy.length === 0 ? {} : { named: namedBy }),
    ...(isMember === true ? { member: true as const } : {}),
    columns: markOf(written),
    ...(attachedBy === '' ? {} : { attachedBy }),
  }
}

/**
 * How often ALTER TABLE has written all rows anew. TRUNCATE and VACUUM FULL write them into another file, too, and leave the
 * columns alone; but VACUUM FULL clears what older rows were missing.
 */
export function rewritesOf(before: TableDescription | undefined, now: SeenTable): number {
  const rewrites = before?.rewrites ?? 0
  const was = before?.catalogue
  if (was === undefined || before === undefined) return rewrites
  if (was.file === now.fileNode) return rewrites
  if (mayHaveBeenUnlogged(before, now)) return rewrites + 1
  if (was.columns === markOf(now.written)) return rewrites
  return clearsOnly(before, was.columns, now) ? rewrites : rewrites + 1
}

/** The numbers of columns that were added after `before` and are gone again. */
export function addedAndDropped(before: TableDescription, now: SeenTable): readonly number[] {
  const live = new Set(now.description.columns.map(({ attnum }) => attnum))
  const listed = before.catalogue?.columns ?? ''
  const was = new Set([
    ...before.columns.map(({ attnum }) => attnum),
    ...(listed.includes(':') ? numbersIn(listed) : []),
  ])
  const last = Math.max(0, ...was)
  return numbersIn(now.written).filter((attnum) => attnum > last && !live.has(attnum))
}

function numbersIn(written: string): number[] {
  return written === '' ? [] : written.split(',').map((column) => Number(column.split(':')[0]))
}

/** Whether a partition may have rows that were not published although it was a partition before and is one now: it was detached and attached again. */
export function wasAttachedAgain(before: TableDescription | undefined, now: SeenTable): boolean {
  const was = before?.catalogue?.attachedBy
  return was !== undefined && now.attachedBy !== '' && was !== now.attachedBy && now.description.partitioned !== true
}

/**
 * Whether a table may have been unlogged for a moment. PostgreSQL permits that where no publication names the table, and does not say so
 * afterwards: the rows are in another file, as VACUUM FULL and TRUNCATE leave them. But these leave the table of values that are stored
 * out of line alone.
 */
export function mayHaveBeenUnlogged(before: TableDescription | undefined, now: SeenTable): boolean {
  const was = before?.catalogue
  if (was === undefined || was.file === now.fileNode) return false
  if (now.namedBy.some((membership) => was.named?.includes(membership) === true)) return false
  return now.toast === 0 || was.toast !== now.toast
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
