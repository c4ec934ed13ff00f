// Small texts that are kept in the folder of a log, each in a file of its own. A crash leaves the text of before or the new one.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FeedError } from '../../errors/feed-error.ts'

/** Returns undefined if there is no such text. */
export function readNote(dir: string, name: string): string | undefined {
  const path = pathOf(dir, name)
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new FeedError('FEED_LOG_IO', `cannot read ${path}: ${message}`, { cause })
  }
}

/** The text is durable when this returns. */
export function writeNote(dir: string, name: string, text: string): void {
  const path = pathOf(dir, name)
  try {
    writeFileSync(`${path}.new`, text, { flush: true, mode: 0o600 })
    renameSync(`${path}.new`, path)
    const folder = openSync(dir, 'r')
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
  } catch (cause) {
    throw new FeedError('FEED_LOG_IO', `cannot write ${path}: ${(cause as Error).message}`, { cause })
  }
}

function pathOf(dir: string, name: string): string {
  return join(dir, `${name}.json`)
}
