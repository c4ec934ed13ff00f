// What the rows of a table are according to the files of a changefeed.

import { filesIn, linesOf } from './read-folder.ts'

/** Returns column v of the last version of each row, by its key, a number. The rows are JSON with `key`. */
export function lastValues(folder: string, table: string): ReadonlyMap<number, string> {
  const rows = new Map<number, string>()
  for (const file of filesIn(folder)) {
    if (file.topic !== table) continue
    for (const line of linesOf(file)) {
      const { key, after } = JSON.parse(line) as { key: [number]; after: { v: string } | null }
      if (after === null) rows.delete(key[0])
      else rows.set(key[0], after.v)
    }
  }
  return rows
}
