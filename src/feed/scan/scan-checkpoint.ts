// Remembers which pages of a scan were delivered, so that a restart reads only the others.
//
// A restart makes a new cut. Since the old cut, rows may have moved to other pages, but only by changes that the log holds.
// Either these changes are undone for all rows, and the remaining pages are read as of the old cut; or they are delivered
// first for all rows, and then the remaining pages as of the new cut. So nothing is missed, and no row is followed by an
// older version of itself. For the rows of a schema change there is a third way: rows that have changed since are not read at
// all, because the feed emits their changes next (rows-at-change.ts). Only a rewrite of the table's file moves rows without a change. The table is then read again
// from its first page.

import type { Hlc } from '../../core/hlc.ts'
import type { ScanProgress, ScannedTable } from '../../core/job-progress.ts'
import { chunkPages, type Chunk } from '../../scan/chunks.ts'
import type { ScanTable } from '../../scan/table-facts.ts'

interface TableState {
  readonly root: number | undefined
  readonly file: string
  readonly pages: number
  readonly done: [from: number, to: number | null][]
}

export class ScanCheckpoint {
  readonly #at: Hlc
  readonly #tables = new Map<number, TableState>()

  /** `saved`: the pages that an earlier attempt has delivered. */
  constructor(at: Hlc, tables: ReadonlyMap<number, ScanTable>, saved: readonly ScannedTable[]) {
    this.#at = at
    for (const [relid, { file, pages, root }] of tables) {
      const before = saved.find((table) => table.relid === relid && table.file === file)
      const done = (before?.done ?? []).map(([from, to]): [number, number | null] => [from, to])
      this.#tables.set(relid, { root: root?.relid, file, pages, done })
    }
  }

  /** The table has nothing to read. Its pages do not count as finished when the scan is continued. */
  leaveOut(relid: number): void {
    const root = this.#tables.get(relid)?.root
    this.#tables.set(relid, { root, file: '', pages: 0, done: [[0, null]] })
  }

  isDone(relid: number, { from, to }: Chunk): boolean {
    const done = this.#tables.get(relid)?.done ?? []
    return done.some(([first, end]) => first <= from && (end === null || (to !== undefined && to <= end)))
  }

  finish(relid: number, { from, to }: Chunk): void {
    const done = this.#tables.get(relid)?.done
    if (done === undefined) return
    done.push([from, to ?? null])
    done.sort(([a], [b]) => a - b)
    // Adjacent runs of pages are joined, so that the record stays small however large the table is.
    for (let i = 1; i < done.length;) {
      const last = done[i - 1] as [number, number | null]
      const [first, end] = done[i] as [number, number | null]
      if (last[1] !== null && first > last[1]) i += 1
      else {
        if (last[1] !== null) last[1] = end === null ? null : Math.max(last[1], end)
        done.splice(i, 1)
      }
    }
  }

  /** How many ranges of pages are left. */
  get pendingRanges(): number {
    const { pages, finished } = this.#count()
    return Math.ceil((pages - finished) / chunkPages)
  }

  get progress(): ScanProgress {
    const { pages, finished } = this.#count()
    return {
      at: this.#at,
      tables: [...this.#tables].map(([relid, { root, file, done }]) => ({
        relid,
        ...(root === undefined ? {} : { root }),
        file,
        done: done.map((run) => [...run]),
      })),
      fraction: pages === 0 ? 1 : finished / pages,
    }
  }
  #count(): { readonly pages: number; readonly finished: number } {
    let pages = 0
    let finished = 0
    for (const table of this.#tables.values()) {
      // An empty table counts as one page.
      const all = Math.max(table.pages, 1)
      pages += all
      for (const [from, to] of table.done) finished += Math.max(0, Math.min(to ?? all, all) - from)
    }
    return { pages, finished }
  }
}
