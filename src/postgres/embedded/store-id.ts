// The id of a store whose servers share the tables of jobs with servers of other stores. The file that contains it also says that the
// store is for a PostgreSQL that somebody else has started.

import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { FeedError } from '../../errors/feed-error.ts'
import { attachedFile } from './store-dir.ts'

const idPattern = /^[0-9a-f]{16}$/

/** Reads the id of a store, or gives it one. The caller holds the lock of the store. */
export function storeId(dir: string): string {
  const path = attachedFile(dir)
  try {
    const found = readId(path)
    if (found !== undefined) return found
    const id = randomBytes(8).toString('hex')
    writeFileSync(path, `${id}\n`, { mode: 0o600 })
    return id
  } catch (error) {
    throw new FeedError('FEED_START', `cannot use ${path}: ${(error as Error).message}`)
  }
}

/** Returns undefined if there is no id, or one that was not written completely: no job can be claimed with it. */
function readId(path: string): string | undefined {
  try {
    const id = readFileSync(path, 'utf8').trim()
    return idPattern.test(id) ? id : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
